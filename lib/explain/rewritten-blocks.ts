import type { Ms } from "../base/index.js";
import type { Workload } from "../sessions/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../trace/index.js";
import type { MissExplanation } from "./explain-misses.js";

/** The trace as it would be if what diverged had gone on as the prompt that it left. */
export function withoutDivergence({ trace }: Workload, { requests, blockTokens }: MissExplanation): Trace {
  const blockSize = trace.meta.blockSize ?? blockTokens;
  const same = Int32Array.from({ length: trace.blocks.size }, (_, id) => id);
  for (const { index, parts } of requests)
    for (const { from, fromToken, tokens } of parts) {
      if (from === undefined) continue;
      const own = trace.records[index].blockIds ?? new Int32Array(0);
      const other = sequenceOf(trace.records[from]);
      const end = Math.min(Math.floor((fromToken + tokens) / blockSize), own.length, other.length);
      for (let k = Math.floor(fromToken / blockSize); k < end; k++) same[own[k]] = same[other[k]];
    }
  return { ...trace, records: trace.records.map((record) => renamed(record, (id) => same[id])) };
}

/** The workload of an engine that lost its cache at these moments: what is sent after one shares nothing with what was before. */
export function withResets(workload: Workload, resetsMs: readonly Ms[]): Workload {
  if (resetsMs.length === 0) return workload;
  const { trace } = workload;
  const blocks = new BlockTable();
  const idOf = new Map<string, number>();
  const records = trace.records.map((record) => {
    const { arrivalMs = 0 } = record;
    const lives = resetsMs.filter((resetMs) => resetMs <= arrivalMs).length;
    return renamed(record, (id) => {
      const key = `${lives}/${id}`;
      const known = idOf.get(key);
      if (known !== undefined) return known;
      const fresh = blocks.internFresh();
      idOf.set(key, fresh);
      return fresh;
    });
  });
  return { ...workload, trace: { ...trace, records, blocks } };
}

function renamed(record: TraceRecord, nameOf: (id: number) => number): TraceRecord {
  const blockIds = record.blockIds?.map(nameOf);
  const outputBlockIds = record.outputBlockIds?.map(nameOf);
  return { ...record, ...(blockIds && { blockIds }), ...(outputBlockIds && { outputBlockIds }) };
}

function sequenceOf({ blockIds, outputBlockIds }: TraceRecord): readonly number[] {
  return [...(blockIds ?? []), ...(outputBlockIds ?? [])];
}
