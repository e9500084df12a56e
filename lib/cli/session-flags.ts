import { type Command, InvalidArgumentError } from "commander";
import { type ChosenSessions, MIN_CONFIDENCE, type SessionsOptions } from "../sessions/index.js";
import { printErr } from "./terminal.js";

/** The flag that says how sure an inferred edge must be to be used. */
export interface SessionFlags {
  readonly minConfidence?: number;
}

/** Adds `--min-confidence` to a command. */
export function addSessionFlags(command: Command): Command {
  return command.option(
    "--min-confidence <x>",
    `inferred turns that are less sure than this start sessions of their own (default: ${MIN_CONFIDENCE}; 0 uses all)`,
    parseShare,
  );
}

/** The options of `sessionsOf` that the flags give. */
export function sessionsFromFlags({ minConfidence }: SessionFlags): SessionsOptions {
  return minConfidence === undefined ? {} : { minConfidence };
}

/** What is to be said of how a trace's sessions came about, on stderr. */
export function reportSessions(path: string, sessions: ChosenSessions): void {
  for (const warning of sessions.warnings) printErr(`${path}: ${warning}\n`);
}

/** How a trace's sessions came about, for a JSON document. */
export function sessionSourceJson(sessions: ChosenSessions): Record<string, number> {
  const recorded = sessions.isRecorded.reduce((sum, told) => sum + told, 0);
  return {
    count: sessions.sessionCount,
    roots: sessions.parent.filter((parent) => parent < 0).length,
    recorded,
    inferred: sessions.isRecorded.length - recorded,
    left_out: sessions.leftOut,
    min_confidence: sessions.minConfidence,
    checked: sessions.checked,
    differences: sessions.differences,
  };
}

/** A share, from 0 to 1. */
export function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("expected a number from 0 to 1");
  return value;
}
