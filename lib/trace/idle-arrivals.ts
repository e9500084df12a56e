import type { Ms } from "../base/index.js";
import { decodeMs, type TraceRecord } from "./trace.js";

/** A request that found the engine idle. */
export interface IdleArrival {
  readonly index: number;
  readonly arrivalMs: Ms;
  /** When the next request of the trace arrived; Infinity for the last. */
  readonly nextArrivalMs: Ms;
}

/**
 * The requests that arrived when every request before them had ended, in order of arrival. A request is taken for ended when
 * its last token came, else when its record says that it ended, else with what is known of its tokens; records without an
 * arrival are passed over.
 * @param lastTokenMs when a request's last token came, where that is known apart from its record
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { idleArrivals } from "prefixlab/trace";
 * const { records } = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * idleArrivals(records)[0].index; // → 0
 * ```
 */
export function idleArrivals(
  records: readonly TraceRecord[],
  lastTokenMs: (record: TraceRecord, index: number) => Ms | undefined = () => undefined,
): IdleArrival[] {
  const order = records
    .flatMap(({ arrivalMs }, index) => (arrivalMs === undefined ? [] : [{ index, arrivalMs }]))
    .sort((a, b) => a.arrivalMs - b.arrivalMs);
  const idle: IdleArrival[] = [];
  let busyUntilMs = Number.NEGATIVE_INFINITY;
  order.forEach(({ index, arrivalMs }, rank) => {
    if (busyUntilMs <= arrivalMs)
      idle.push({ index, arrivalMs, nextArrivalMs: order[rank + 1]?.arrivalMs ?? Number.POSITIVE_INFINITY });
    const record = records[index];
    const lifeMs = record.elapsedMs ?? (record.ttftMs ?? 0) + (decodeMs(record) ?? 0);
    busyUntilMs = Math.max(busyUntilMs, lastTokenMs(record, index) ?? arrivalMs + lifeMs);
  });
  return idle;
}
