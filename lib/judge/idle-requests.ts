import type { Ms } from "../base/index.js";
import { idleArrivals, type Trace } from "../trace/index.js";

/** A request that found the engine idle and was alone until its first token. */
export interface IdleRequest {
  readonly index: number;
  /** Its gaps that ended before the next request arrived. */
  readonly gapsMs: readonly Ms[];
}

/** The requests of a trace that had the engine to themselves until their first token, in order of arrival. */
export function idleRequests({ records }: Trace): IdleRequest[] {
  return idleArrivals(records).flatMap(({ index, arrivalMs, nextArrivalMs }): IdleRequest[] => {
    const { ttftMs, itlMs = [] } = records[index];
    if (ttftMs === undefined || arrivalMs + ttftMs > nextArrivalMs) return [];
    let atMs = arrivalMs + ttftMs;
    const gapsMs: Ms[] = [];
    for (const gapMs of itlMs) {
      atMs += gapMs;
      if (atMs > nextArrivalMs) break;
      gapsMs.push(gapMs);
    }
    return [{ index, gapsMs }];
  });
}
