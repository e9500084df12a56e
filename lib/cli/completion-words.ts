import type { Command } from "commander";

/** A flag as a shell completes it. */
export interface FlagWords {
  /** As typed: `--out`, `-h`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Absent for a switch. */
  readonly placeholder?: string;
  /** The words that its value is one of; none where it is anything, such as a file. */
  readonly choices: readonly string[];
}

/** A command as a shell completes it. */
export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly FlagWords[];
  readonly subcommands: readonly CommandWords[];
}

/** What can be typed behind a command: read from the same definition that its `--help` is printed from. */
export function commandWords(command: Command, description = command.description()): CommandWords {
  const help = command.createHelp();
  return {
    name: command.name(),
    description: oneLine(description),
    flags: help.visibleOptions(command).map((option) => {
      const placeholder = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1];
      return {
        names: [option.long, option.short].filter((name) => name !== undefined),
        description: oneLine(option.description),
        ...(placeholder !== undefined && { placeholder }),
        choices: option.argChoices ?? [],
      };
    }),
    subcommands: command.commands.map((sub) => commandWords(sub)),
  };
}

/** As much as stands beside a word in a list. */
const mostCharacters = 90;

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").replace(/\.$/, "");
  return line.length <= mostCharacters ? line : `${line.slice(0, mostCharacters - 3).trimEnd()}...`;
}
