import type { Ms } from "../base/index.js";
import type { TraceRecord } from "../trace/index.js";

/**
 * When each output token reached the client, ms since the start of the capture: arrival + TTFT + gaps. Of tokens
 * that came in one chunk only the last has a known time; the others are NaN. Undefined when the record has no
 * arrival, no first token, or more than one token and no gaps.
 */
export function emissionTimes(record: TraceRecord): Float64Array | undefined {
  const { arrivalMs, ttftMs, itlMs, itlTokens } = record;
  if (arrivalMs === undefined || ttftMs === undefined) return undefined;
  if (itlMs === undefined && record.outputTokens > 1) return undefined;
  const gaps = itlMs ?? new Float64Array(0);
  let afterFirst = gaps.length;
  if (itlTokens) {
    afterFirst = 0;
    for (const tokens of itlTokens) afterFirst += tokens;
  }
  // A first chunk of several tokens leaves more tokens than the later chunks account for.
  const first = Math.max(1, record.outputTokens - afterFirst);
  const times = new Float64Array(first + afterFirst).fill(Number.NaN);
  let now: Ms = arrivalMs + ttftMs;
  let token = first - 1;
  times[token] = now;
  for (let i = 0; i < gaps.length; i++) {
    now += gaps[i];
    token += itlTokens ? itlTokens[i] : 1;
    times[token] = now;
  }
  return times;
}
