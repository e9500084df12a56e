import type { Blocks, Tokens } from "../base/index.js";
import type { Workload } from "../sessions/index.js";
import { BlockTable, defaultBlockSize, type Trace, type TraceRecord } from "../trace/index.js";
import type { MissExplanation } from "./explain-misses.js";

/** The trace as it would be if what diverged had gone on as the prompt that it left. */
export function withoutDivergence({ trace }: Workload, { requests }: MissExplanation): Trace {
  const blockSize = trace.meta.blockSize ?? defaultBlockSize;
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

/**
 * The workload with what its rows do not tell, and its explanation does, so that a replay loses it too: what is sent after a
 * reset shares nothing with what was before, and an answer that came back changed is another text than the next prompt has.
 */
export function withToldLosses(workload: Workload, { requests, resetsMs }: MissExplanation): Workload {
  const { trace } = workload;
  const blockSize = trace.meta.blockSize ?? defaultBlockSize;
  /** By the request that answered: the next prompt, and the block from which on it is not that answer. */
  const changed = new Map<number, { readonly index: number; readonly block: Blocks }>();
  for (const { index, parts } of requests)
    for (const { from, fromToken } of parts) {
      if (from === undefined || changed.has(from)) continue;
      const { promptTokens, outputBlockIds } = trace.records[from];
      const block = Math.floor(fromToken / blockSize);
      if (!outputBlockIds && block >= Math.floor(promptTokens / blockSize))
        changed.set(from, { index, block });
    }
  if (resetsMs.length === 0 && changed.size === 0) return workload;
  const blocks = new BlockTable();
  const idOf = new Map<string, number>();
  const records = trace.records.map((record, i) => {
    const { arrivalMs = 0 } = record;
    const lives = resetsMs.filter((resetMs) => resetMs <= arrivalMs).length;
    const nameOf = (id: number) => {
      const key = `${lives}/${id}`;
      const known = idOf.get(key);
      if (known !== undefined) return known;
      const fresh = blocks.internFresh();
      idOf.set(key, fresh);
      return fresh;
    };
    const next = changed.get(i);
    if (!next) return renamed(record, nameOf);
    const { first, end } = answerBlocks(record, blockSize);
    const child = trace.records[next.index].blockIds ?? new Int32Array(0);
    const outputBlockIds = Int32Array.from({ length: end - first }, (_, k) =>
      first + k < next.block ? nameOf(child[first + k]) : blocks.internFresh(),
    );
    return { ...renamed(record, nameOf), outputBlockIds };
  });
  return { ...workload, trace: { ...trace, records, blocks } };
}

/** The full blocks that an answer ends, as they stand behind those of the prompt. */
function answerBlocks({ promptTokens, outputTokens }: TraceRecord, blockSize: Tokens) {
  return {
    first: Math.floor(promptTokens / blockSize),
    end: Math.floor((promptTokens + outputTokens) / blockSize),
  };
}

function renamed(record: TraceRecord, nameOf: (id: number) => number): TraceRecord {
  const blockIds = record.blockIds?.map(nameOf);
  const outputBlockIds = record.outputBlockIds?.map(nameOf);
  return { ...record, ...(blockIds && { blockIds }), ...(outputBlockIds && { outputBlockIds }) };
}

function sequenceOf({ blockIds, outputBlockIds }: TraceRecord): readonly number[] {
  return [...(blockIds ?? []), ...(outputBlockIds ?? [])];
}
