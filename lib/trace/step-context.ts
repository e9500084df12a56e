import type { Ms } from "../base/index.js";
import type { TraceRecord } from "./trace.js";

/**
 * Derives the engine's state in the step behind each gap from client-side times, for traces whose recorder saw all
 * traffic of the engine. Decodes of one batch share its steps, so their tokens reach the clients together, but for
 * some jitter: an event belongs to the step of the gap's closing token when no other token of the request is nearer.
 *
 * - `numRunning`: requests that emitted a token in the step, this one included. Prefills that did not finish in it
 *   emit nothing and stay unseen; vLLM's own count of running requests has them.
 * - `prefillTokens`: uncached prompt tokens of the requests whose first token came out of the step. A request without
 *   `cachedTokens` counts with its whole prompt.
 *
 * @param records in any order; those without arrival or first token are invisible and stay as they are
 * @returns the records in the same order, with `itlCtx` where there are gaps
 * @example
 * ```ts
 * import { deriveStepContext } from "prefixlab/trace";
 * const gaps = { promptTokens: 100, outputTokens: 3, ttftMs: 20, itlMs: Float64Array.of(5, 5) };
 * const [first] = deriveStepContext([{ ...gaps, arrivalMs: 0 }, { ...gaps, arrivalMs: 5 }]);
 * first.itlCtx?.numRunning; // → [2, 2]
 * first.itlCtx?.prefillTokens; // → [100, 0]
 * ```
 */
export function deriveStepContext(records: readonly TraceRecord[]): TraceRecord[] {
  const visible = records.flatMap((record) => {
    if (record.arrivalMs === undefined || record.ttftMs === undefined) return [];
    const firstMs = record.arrivalMs + record.ttftMs;
    const gapsMs = record.itlMs ? record.itlMs.reduce((sum, gap) => sum + gap, 0) : 0;
    return [
      { firstMs, lastMs: firstMs + gapsMs, uncached: record.promptTokens - (record.cachedTokens ?? 0) },
    ];
  });
  const byFirst = [...visible].sort((a, b) => a.firstMs - b.firstMs);
  const firstMs = Float64Array.from(byFirst, (each) => each.firstMs);
  const lastMs = Float64Array.from(visible, (each) => each.lastMs).sort();
  const uncachedBefore = new Float64Array(byFirst.length + 1);
  byFirst.forEach(({ uncached }, i) => {
    uncachedBefore[i + 1] = uncachedBefore[i] + uncached;
  });

  return records.map((record) => {
    const { arrivalMs, ttftMs, itlMs } = record;
    if (arrivalMs === undefined || ttftMs === undefined || !itlMs) return record;
    const numRunning = new Int32Array(itlMs.length);
    const prefillTokens = new Int32Array(itlMs.length);
    let tokenMs: Ms = arrivalMs + ttftMs;
    for (let i = 0; i < itlMs.length; i++) {
      const gap = itlMs[i];
      tokenMs += gap;
      const stepFromMs = tokenMs - gap / 2;
      const stepToMs = tokenMs + (itlMs[i + 1] ?? gap) / 2;
      const begun = countUpTo(firstMs, stepToMs);
      numRunning[i] = begun - countUpTo(lastMs, stepFromMs);
      prefillTokens[i] = uncachedBefore[begun] - uncachedBefore[countUpTo(firstMs, stepFromMs)];
    }
    return { ...record, itlCtx: { numRunning, prefillTokens } };
  });
}

/** How many of the ascending values are at most `limit`. */
function countUpTo(ascending: Float64Array, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
