import type { Ms, Tokens } from "../base/index.js";
import { decodeMs, type TraceRecord } from "../trace/index.js";

/** What happens when a request meets the cache. */
export interface CacheEvents {
  /** It looks its prompt up. */
  lookup(index: number, atMs: Ms): void;
  /** It ends, and gives its blocks back. One whose end is not known, or that takes no time, does at its lookup. */
  end(index: number, atMs: Ms, hasEnd: boolean): void;
}

/** Tells lookups and ends in the order of time; what ends at a moment ends before the lookups of that moment. */
export function forEachCacheEvent(
  records: readonly TraceRecord[],
  admittedMs: ArrayLike<Ms> | undefined,
  events: CacheEvents,
): void {
  const lookupMs = new Float64Array(records.length);
  const endMs = new Float64Array(records.length).fill(Number.NaN);
  const lookups: number[] = [];
  const ends: number[] = [];
  let orderMs = 0;
  records.forEach((record, index) => {
    // What an engine did with a request that it gave nothing back for is not known; one that was refused took no block.
    if (record.cachedTokens === undefined && firstTokenMs(record) === undefined) return;
    const admitted = admittedMs?.[index];
    // Without arrivals the order of the file stands for time.
    orderMs = Math.max(orderMs, record.arrivalMs ?? orderMs);
    lookupMs[index] =
      admitted !== undefined && !Number.isNaN(admitted) ? admitted : (record.arrivalMs ?? orderMs);
    lookups.push(index);
    const last = lastKnownMs(record);
    if (last === undefined || last <= lookupMs[index]) return;
    endMs[index] = last;
    ends.push(index);
  });
  const byTime = (ms: Float64Array) => (a: number, b: number) => ms[a] - ms[b] || a - b;
  lookups.sort(byTime(lookupMs));
  ends.sort(byTime(endMs));
  let next = 0;
  const endUpTo = (atMs: Ms) => {
    for (; next < ends.length && endMs[ends[next]] <= atMs; next++)
      events.end(ends[next], endMs[ends[next]], true);
  };
  for (const index of lookups) {
    const atMs = lookupMs[index];
    endUpTo(atMs);
    events.lookup(index, atMs);
    if (Number.isNaN(endMs[index])) events.end(index, atMs, false);
  }
  endUpTo(Number.POSITIVE_INFINITY);
}

/**
 * Tokens of prompt and answer that an engine has computed when the request ends: the answer's last token is emitted and
 * never fed back, so a block that it fills is not complete (vLLM V1 caches `num_computed_tokens`).
 */
export function computedTokens({ promptTokens, outputTokens }: TraceRecord): Tokens {
  return promptTokens + Math.max(0, outputTokens - 1);
}

/** When its first token was there; undefined where none came. */
export function firstTokenMs({
  arrivalMs = 0,
  ttftMs,
  elapsedMs,
  outputTokens,
}: TraceRecord): Ms | undefined {
  if (ttftMs !== undefined) return arrivalMs + ttftMs;
  return outputTokens > 0 ? arrivalMs + (elapsedMs ?? 0) : undefined;
}

function lastKnownMs(record: TraceRecord): Ms | undefined {
  const { arrivalMs = 0, elapsedMs } = record;
  if (elapsedMs !== undefined) return arrivalMs + elapsedMs;
  const first = firstTokenMs(record);
  return first === undefined ? undefined : first + (decodeMs(record) ?? 0);
}
