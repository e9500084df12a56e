import { Command } from "commander";
import { InputError } from "../../base/index.js";
import { type CompletedShell, completedShells, completionScript } from "../completion-script.js";
import { commandWords } from "../completion-words.js";
import { printOut } from "../terminal.js";

/**
 * The `completion` command: what makes a shell complete commands, flags and their words.
 * @param table the commands as `--help` lists them
 */
export function completionCommand(
  table: Readonly<Record<string, readonly [description: string, load: () => Promise<Command>]>>,
): Command {
  return new Command("completion")
    .description(
      "Print the script that makes a shell complete prefixlab's commands, flags and the words that flags take.",
    )
    .argument("<shell>", completedShells.join(", "))
    .addHelpText(
      "after",
      [
        "\nExamples:",
        '  eval "$(npx prefixlab completion bash)"    # in ~/.bashrc; zsh the same, behind compinit',
        "  npx prefixlab completion fish | source",
        "A shell completes the name prefixlab: put node_modules/.bin in PATH, or alias prefixlab='npx prefixlab'.\n",
      ].join("\n"),
    )
    .action(async (shell: string) => {
      if (!isCompleted(shell))
        throw new InputError(
          `the shell must be one of ${completedShells.join(", ")}, got ${JSON.stringify(shell)}`,
        );
      const commands = await Promise.all(
        Object.values(table).map(async ([description, load]) => commandWords(await load(), description)),
      );
      printOut(completionScript(shell, commands));
    });
}

function isCompleted(shell: string): shell is CompletedShell {
  return (completedShells as readonly string[]).includes(shell);
}
