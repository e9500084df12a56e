import type { Ms } from "../base/index.js";
import { decodeMs, type Trace } from "../trace/index.js";

/** A request that found the engine idle and was alone until its first token. */
export interface IdleRequest {
  readonly index: number;
  /** Its gaps that ended before the next request arrived. */
  readonly gapsMs: readonly Ms[];
}

/** The requests of a trace that had the engine to themselves until their first token, in order of arrival. */
export function idleRequests({ records }: Trace): IdleRequest[] {
  const order = records
    .flatMap(({ arrivalMs }, index) => (arrivalMs === undefined ? [] : [{ index, arrivalMs }]))
    .sort((a, b) => a.arrivalMs - b.arrivalMs);
  const idle: IdleRequest[] = [];
  let busyUntilMs = Number.NEGATIVE_INFINITY;
  order.forEach(({ index, arrivalMs }, rank) => {
    const record = records[index];
    const { ttftMs, itlMs = [] } = record;
    const nextMs = order[rank + 1]?.arrivalMs ?? Number.POSITIVE_INFINITY;
    if (ttftMs !== undefined && busyUntilMs <= arrivalMs && arrivalMs + ttftMs <= nextMs) {
      let atMs = arrivalMs + ttftMs;
      const gapsMs: Ms[] = [];
      for (const gapMs of itlMs) {
        atMs += gapMs;
        if (atMs > nextMs) break;
        gapsMs.push(gapMs);
      }
      idle.push({ index, gapsMs });
    }
    const lifeMs = record.elapsedMs ?? (ttftMs ?? 0) + (decodeMs(record) ?? 0);
    busyUntilMs = Math.max(busyUntilMs, arrivalMs + lifeMs);
  });
  return idle;
}
