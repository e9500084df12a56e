import type { PrefillStep } from "../fit/index.js";
import type { Replay } from "./run-replay.js";

/**
 * The prefills of a replay that its trace does not show: a preempted request computes its prompt and what it had
 * emitted again. For `fitLatency`'s `hiddenPrefills`, where a capture without per-token gaps was made on an engine
 * short of KV blocks. Blocks of its own that it finds again are not subtracted.
 */
export function recomputedPrefills({ run, trace }: Pick<Replay, "run" | "trace">): PrefillStep[] {
  return run.recomputations().map(({ request, endMs, emittedTokens }): PrefillStep => {
    const tokens = trace.records[request].promptTokens + emittedTokens;
    return { endMs, tokens, tokenDepth: tokens ** 2 / 2, chunks: 1, steps: 1 };
  });
}
