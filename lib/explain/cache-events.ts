import type { Ms, Tokens } from "../base/index.js";
import { decodeMs, type TraceRecord } from "../trace/index.js";

/** A moment at which a request meets the cache. */
export interface CacheEvent {
  readonly atMs: Ms;
  readonly index: number;
  /** A request looks its prompt up; else it ends, and gives its blocks back. */
  readonly isLookup: boolean;
  /** Of a lookup: its end is known. */
  readonly hasEnd: boolean;
}

/** Lookups and ends in the order of time; what ends at a moment ends before the lookups of that moment. */
export function cacheEvents(
  records: readonly TraceRecord[],
  admittedMs: ArrayLike<Ms> | undefined,
): CacheEvent[] {
  const events: CacheEvent[] = [];
  let orderMs = 0;
  records.forEach((record, index) => {
    // What an engine did with a request that it gave nothing back for is not known; one that was refused took no block.
    if (record.cachedTokens === undefined && firstTokenMs(record) === undefined) return;
    const admitted = admittedMs?.[index];
    // Without arrivals the order of the file stands for time.
    orderMs = Math.max(orderMs, record.arrivalMs ?? orderMs);
    const lookupMs =
      admitted !== undefined && !Number.isNaN(admitted) ? admitted : (record.arrivalMs ?? orderMs);
    const endMs = lastKnownMs(record);
    // One that takes no time is over at once.
    const hasEnd = endMs !== undefined && endMs > lookupMs;
    events.push({ atMs: lookupMs, index, isLookup: true, hasEnd });
    if (hasEnd) events.push({ atMs: endMs, index, isLookup: false, hasEnd });
  });
  return events.sort(
    (a, b) => a.atMs - b.atMs || Number(a.isLookup) - Number(b.isLookup) || a.index - b.index,
  );
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
