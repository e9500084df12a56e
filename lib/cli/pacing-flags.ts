import type { Command } from "commander";
import { InputError } from "../base/index.js";
import type { Pacing } from "../replay/index.js";
import { parseCount } from "./engine-flags.js";

/** The flags that force a pacing; without one a replay is paced as the capture's client was. */
export interface PacingFlags {
  readonly replaySessions?: boolean;
  readonly openLoop?: boolean;
  readonly maxConcurrency?: number;
}

/** Adds the pacing flags to a command. */
export function addPacingFlags(command: Command): Command {
  return command
    .option(
      "--replay-sessions",
      "turn N+1 fires when turn N completes plus the recorded think gap (default: paced as the capture's client)",
    )
    .option("--open-loop", "every request fires at its recorded time, whatever became of the one before")
    .option(
      "--max-concurrency <n>",
      "closed loop: the next request, in recorded order, fires when one of n ends",
      parseCount,
    );
}

/**
 * The pacing that the flags force; nothing where they force none.
 * @throws InputError when they force more than one
 */
export function pacingFromFlags(flags: PacingFlags): { pacing?: Pacing; maxInFlight?: number } {
  const { replaySessions, openLoop, maxConcurrency } = flags;
  if ([replaySessions, openLoop, maxConcurrency].filter((flag) => flag !== undefined).length > 1)
    throw new InputError(
      "replay: --replay-sessions, --open-loop and --max-concurrency each force a pacing: give one of them at most",
    );
  if (maxConcurrency !== undefined) return { pacing: "closed-loop", maxInFlight: maxConcurrency };
  if (replaySessions) return { pacing: "session" };
  return openLoop ? { pacing: "open-loop" } : {};
}
