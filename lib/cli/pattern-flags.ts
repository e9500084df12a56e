import type { LoadPattern } from "../capture/index.js";

/** The flags of `loadgen` that only some patterns use, by their names in the code. */
const patternsOf: Readonly<Record<string, readonly LoadPattern[]>> = {
  rate: ["multiturn", "conversations", "poisson"],
  turns: ["multiturn"],
  prefixTokens: ["multiturn"],
  prefixCount: ["multiturn"],
  thinkTime: ["multiturn", "conversations"],
  conversations: ["conversations"],
  answers: ["conversations"],
  promptTokens: ["multiturn", "poisson", "constant", "staircase", "burst", "sweep"],
  duration: ["multiturn", "poisson", "constant", "staircase", "burst"],
  sessions: ["multiturn", "conversations", "poisson", "burst"],
  concurrency: ["constant", "staircase", "sweep"],
  stairs: ["staircase", "sweep"],
  repeats: ["sweep"],
  burstSize: ["burst"],
  burstInterval: ["burst"],
};

/** What decides the load of a pattern. */
const descriptions: Readonly<Record<LoadPattern, string>> = {
  multiturn: "open loop, sessions of --turns turns arrive at --rate",
  conversations: "open loop, the conversations of a file arrive at --rate",
  poisson: "open loop, requests arrive at --rate",
  constant: "closed loop, --concurrency workers each send when their last answer has ended",
  staircase: "closed loop, the workers of each of --stairs send when their last answer has ended",
  burst: "open loop, --burst-size requests every --burst-interval",
  sweep: "a plan of its own, up to --prompt-tokens and --concurrency or --stairs",
};

/**
 * Says which flags the pattern passes over: a load that was asked for with them is not the one that runs.
 * @param given names, as in the code, of the flags that the user gave
 * @returns a sentence that names each such flag and the patterns that use it; undefined without one
 */
export function unusedPatternFlags(pattern: LoadPattern, given: Iterable<string>): string | undefined {
  const unused = [...given].filter((name) => patternsOf[name] && !patternsOf[name].includes(pattern));
  if (unused.length === 0) return undefined;
  const flags = unused.map((name) => `--${dashed(name)} (for ${patternsOf[name]?.join(", ")})`);
  return `pattern ${pattern} does not use ${flags.join(" and ")}: ${pattern} is ${descriptions[pattern]}`;
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
