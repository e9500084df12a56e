import { type Command, Option } from "commander";
import { InputError } from "../base/index.js";
import { type OnTimeout, onTimeouts } from "../engine/index.js";
import type { ReplayOptions } from "../replay/index.js";
import { parsePositive } from "./engine-flags.js";

/** The flags of a client's time limit in the simulated engine. */
export interface TimeoutFlags {
  readonly requestTimeout?: number;
  readonly onTimeout?: OnTimeout;
  readonly timeoutReleasesChild?: boolean;
  readonly timeoutEndsSession?: boolean;
}

/** Adds the flags of a client's time limit to a command. */
export function addTimeoutFlags(command: Command): Command {
  return command
    .option(
      "--request-timeout <s>",
      "the client gives up on a request that is not complete after this long; the engine drops it, and its wait is censored there (default: never)",
      parsePositive,
    )
    .addOption(
      new Option(
        "--on-timeout <what>",
        "with --request-timeout: next-turn sends the next turn at once, as if it had been answered (the default); end-session sends no more of the session",
      ).choices(onTimeouts),
    )
    .option("--timeout-releases-child", "the same as --on-timeout next-turn")
    .option("--timeout-ends-session", "the same as --on-timeout end-session");
}

/**
 * The time limit that the flags set; nothing where they set none.
 * @throws InputError when they say what follows a limit that is not there, or say two things
 */
export function timeoutFromFlags(flags: TimeoutFlags): Pick<ReplayOptions, "requestTimeoutMs" | "onTimeout"> {
  const words = new Set<OnTimeout>();
  if (flags.onTimeout) words.add(flags.onTimeout);
  if (flags.timeoutReleasesChild) words.add("next-turn");
  if (flags.timeoutEndsSession) words.add("end-session");
  const [onTimeout, another] = words;
  if (another !== undefined)
    throw new InputError(
      "replay: after a time-out either the next turn is sent (--on-timeout next-turn, --timeout-releases-child) or the session ends (--on-timeout end-session, --timeout-ends-session): give one of the two",
    );
  if (flags.requestTimeout === undefined) {
    if (onTimeout !== undefined)
      throw new InputError(
        `replay: ${onTimeout} says what follows a time-out, and there is none: give --request-timeout S with it`,
      );
    return {};
  }
  return { requestTimeoutMs: 1000 * flags.requestTimeout, ...(onTimeout && { onTimeout }) };
}

/** The flags that were given, as they are typed. */
export function givenTimeoutFlags(flags: TimeoutFlags): string[] {
  return [
    ...(flags.requestTimeout === undefined ? [] : ["--request-timeout"]),
    ...(flags.onTimeout === undefined ? [] : ["--on-timeout"]),
    ...(flags.timeoutReleasesChild ? ["--timeout-releases-child"] : []),
    ...(flags.timeoutEndsSession ? ["--timeout-ends-session"] : []),
  ];
}
