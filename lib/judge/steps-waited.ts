import { mean, type Tokens } from "../base/index.js";
import { reconstructSteps, uncachedPromptTokens } from "../fit/index.js";
import type { Trace } from "../trace/index.js";

/** How many step ends requests saw pass before the step that answered them. */
export interface StepsWaited {
  readonly mean: number;
  /** Requests behind it. */
  readonly n: number;
}

/**
 * Step ends between a request's arrival and the step of its first token, that step's own end not counted, over requests
 * that arrived while others decoded, with no other prefill in flight, and whose prefill fits into one step. An engine that
 * composes a step when the one before it has ended lets one pass, one that composes it a step ahead two; the way to the
 * scheduler adds its part to both. Counted in steps, it does not depend on what a step costs. Undefined where the trace has
 * no gaps to tell the steps by.
 * @param maxNumBatchedTokens the engine's token budget a step; default that of the trace, else no limit
 */
export function stepsWaited(
  trace: Trace,
  maxNumBatchedTokens: Tokens = trace.meta.engine?.maxNumBatchedTokens ?? Number.POSITIVE_INFINITY,
): StepsWaited | undefined {
  const { records } = trace;
  if (!records.some(({ itlMs }) => itlMs !== undefined)) return undefined;
  const { steps, firstStep } = reconstructSteps(
    trace,
    Number.isFinite(maxNumBatchedTokens) ? { maxNumBatchedTokens } : {},
  );
  const endMs = steps.map((step) => step.endMs);
  const waits = records
    .flatMap(({ arrivalMs, ttftMs }, index) =>
      arrivalMs === undefined || ttftMs === undefined
        ? []
        : [{ index, arrivalMs, firstMs: arrivalMs + ttftMs }],
    )
    .sort((a, b) => a.arrivalMs - b.arrivalMs);
  const counts: number[] = [];
  let othersUntilMs = Number.NEGATIVE_INFINITY;
  waits.forEach(({ index, arrivalMs, firstMs }, rank) => {
    const record = records[index];
    const step = firstStep[index];
    const isAlone = othersUntilMs <= arrivalMs && !((waits[rank + 1]?.arrivalMs ?? firstMs) < firstMs);
    othersUntilMs = Math.max(othersUntilMs, firstMs);
    const uncached = uncachedPromptTokens(record.promptTokens, record.cachedTokens ?? 0);
    if (!isAlone || step < 0 || uncached + steps[step].load.decodeSeqs > maxNumBatchedTokens) return;
    const passed = countBetween(endMs, arrivalMs, step);
    // All steps from the arrival on must have been seen: others decode in each of them.
    for (let s = step - passed; s <= step; s++) if (!(steps[s]?.load.decodeSeqs > 0)) return;
    counts.push(passed);
  });
  const average = mean(counts);
  return average === undefined ? undefined : { mean: average, n: counts.length };
}

function countBetween(endMs: readonly number[], afterMs: number, step: number): number {
  let passed = 0;
  while (step - passed - 1 >= 0 && endMs[step - passed - 1] > afterMs) passed++;
  return passed;
}

/** {@link stepsWaited} over all such requests of several traces; of none it is 0 with an n of 0. */
export function pooledStepsWaited(traces: readonly Trace[], maxNumBatchedTokens?: Tokens): StepsWaited {
  const counted = traces.flatMap((trace) => stepsWaited(trace, maxNumBatchedTokens) ?? []);
  const n = counted.reduce((sum, steps) => sum + steps.n, 0);
  return { n, mean: counted.reduce((sum, steps) => sum + steps.n * steps.mean, 0) / Math.max(1, n) };
}
