import { type Command, InvalidArgumentError } from "commander";
import { InputError } from "../base/index.js";
import { evictions } from "../cache/index.js";
import { orderings } from "../engine/index.js";
import {
  type EngineSettingName,
  type EngineSettings,
  engineSettingNames,
  settingRow,
} from "../settings/index.js";

/** The engine flags as commander hands them over: by the flag's name in camel case. */
export type EngineFlags = Readonly<Record<string, unknown>>;

/** Settings that are policies, with the shipped ones. */
const policyWords: Partial<Record<EngineSettingName, object>> = {
  eviction: evictions,
  schedulingPolicy: orderings,
};

/** Adds a flag for each engine setting to a command, by vLLM's names; a switch gets its `--no-` form too. */
export function addEngineFlags(command: Command): Command {
  for (const name of engineSettingNames) {
    const { flag, placeholder, says, usual } = settingRow(name);
    const words = policyWords[name] ? `: ${Object.keys(policyWords[name]).join(", ")}` : "";
    const told = `${words} (default: the capture's${usual === undefined ? "" : `, else ${shown(usual)}`})`;
    if (placeholder === undefined) {
      command.option(flag, `${says}${told}`);
      command.option(flag.replace("--", "--no-"), `the contrary of ${flag}`);
    } else command.option(`${flag} <${placeholder}>`, `${says}${told}`, (text) => parsed(name, text));
  }
  return command;
}

/** The engine settings that the flags set; what they leave out is not in the result. */
export function engineFromFlags(flags: EngineFlags): Partial<EngineSettings> {
  const given = engineSettingNames.flatMap((name) => {
    const value = flags[flagKey(name)];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(given) as Partial<EngineSettings>;
}

/** The engine's flags that were given, as they are typed. */
export function givenEngineFlags(flags: EngineFlags): string[] {
  return engineSettingNames.flatMap((name) => {
    const { flag } = settingRow(name);
    const value = flags[flagKey(name)];
    return value === undefined ? [] : [value === false ? flag.replace("--", "--no-") : flag];
  });
}

/** commander's name for a flag's value. */
function flagKey(name: EngineSettingName): string {
  return settingRow(name)
    .flag.slice(2)
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function parsed(name: EngineSettingName, text: string): unknown {
  const { flag, parse } = settingRow(name);
  try {
    return parse(flag, text);
  } catch (error) {
    // commander's own message names the flag; the words are what it lacks.
    throw error instanceof InputError
      ? new InvalidArgumentError(error.message.replace(`${flag} must be`, "expected"))
      : error;
  }
}

function shown(usual: unknown): string {
  return typeof usual === "boolean" ? (usual ? "on" : "off") : String(usual);
}

/** A whole number >= 1 from the command line. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("expected a whole number >= 1");
  return value;
}

/** A number > 0 from the command line. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("expected a number > 0");
  return value;
}

/** A pair of whole numbers, `low:high`. */
export function parseRange(text: string): [number, number] {
  const [low, high, ...more] = text
    .split(":")
    .map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || more.length > 0)
    throw new InvalidArgumentError("expected low:high, two whole numbers");
  return [low, high];
}
