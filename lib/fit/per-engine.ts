import type { Trace, TraceRecord } from "../trace/index.js";

/** Which records of a trace to learn from. */
export type IsFitted = (record: TraceRecord, index: number, trace: Trace) => boolean;

/** Traces of one engine each. */
export interface PerEngine {
  readonly traces: readonly Trace[];
  /** The question asked of the whole traces, answered for the records of these. */
  readonly isFitted: IsFitted;
  /** Records of fleets that no replica is named for: they loaded an engine, which one is not known. */
  readonly leftOut: readonly { readonly reason: string; readonly count: number }[];
}

/**
 * Splits captures of fleets by the replica that served each request: two engines' steps do not make one clock, and one's queue
 * is not the other's. A trace that names one replica or none is one engine's.
 */
export function perEngine(traces: readonly Trace[], isFitted: IsFitted = () => true): PerEngine {
  const split: Trace[] = [];
  const wholes = new Map<Trace, { readonly trace: Trace; readonly indices: readonly number[] }>();
  let unnamed = 0;
  for (const trace of traces) {
    const byReplica = new Map<string, number[]>();
    let unnamedHere = 0;
    for (const [i, { replica }] of trace.records.entries()) {
      if (replica === undefined) unnamedHere++;
      else if (!byReplica.get(replica)?.push(i)) byReplica.set(replica, [i]);
    }
    if (byReplica.size < 2) {
      split.push(trace);
      continue;
    }
    unnamed += unnamedHere;
    for (const indices of byReplica.values()) {
      const part = { ...trace, records: indices.map((i) => trace.records[i]) };
      split.push(part);
      wholes.set(part, { trace, indices });
    }
  }
  return {
    traces: split,
    isFitted: (record, index, trace) => {
      const whole = wholes.get(trace);
      return whole ? isFitted(record, whole.indices[index], whole.trace) : isFitted(record, index, trace);
    },
    leftOut:
      unnamed > 0 ? [{ reason: "served by a replica that the trace does not name", count: unnamed }] : [],
  };
}
