import type { Blocks, Tokens } from "../base/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";

/**
 * The chain of full blocks over prompt and answer for every record, as far as the trace tells it. The answer's blocks
 * come from the record itself (`outputBlockIds`), or else from the next turn, whose prompt contains them: the child
 * that continues all of the parent's full prompt blocks the furthest. What neither tells is left off the end.
 *
 * @param parent index of each record's parent turn, -1 for none
 */
export function sequenceBlocks(trace: Trace, parent: Int32Array, blockSize: Tokens): Int32Array[] {
  const { records } = trace;
  const next = continuations(trace, parent, blockSize);
  return records.map((record, i) => {
    const { ids, known } = sequenceOf(record, next[i], blockSize);
    return ids.length === known ? ids : ids.subarray(0, known);
  });
}

/** What is known of a record's chain over prompt and answer: the first `known` of `ids`. */
export function sequenceOf(
  record: TraceRecord,
  next: Int32Array | undefined,
  blockSize: Tokens,
): { readonly ids: Int32Array; readonly known: Blocks } {
  const { blockIds = NO_BLOCKS, outputBlockIds, promptTokens, outputTokens } = record;
  const prompt = promptBlocks(record, blockSize);
  const full = Math.floor((promptTokens + outputTokens) / blockSize);
  if (outputBlockIds) {
    const ids = concatenated(blockIds.subarray(0, prompt), outputBlockIds);
    return { ids, known: Math.min(full, ids.length) };
  }
  return next ? { ids: next, known: Math.min(full, next.length) } : { ids: blockIds, known: prompt };
}

/** For each record the prompt that continues its own the furthest, as {@link sequenceBlocks} says. */
export function continuations(
  { records }: Trace,
  parent: Int32Array,
  blockSize: Tokens,
): (Int32Array | undefined)[] {
  const next = new Array<Int32Array | undefined>(records.length).fill(undefined);
  for (let i = 0; i < records.length; i++) {
    const p = parent[i];
    const child = p < 0 ? undefined : records[i].blockIds;
    if (!child) continue;
    const blocks = promptBlocks(records[p], blockSize);
    // Ids are chained: equal last blocks mean equal prefixes.
    const continues =
      child.length > blocks && (blocks === 0 || child[blocks - 1] === records[p].blockIds?.[blocks - 1]);
    if (continues && child.length > (next[p]?.length ?? 0)) next[p] = child;
  }
  return next;
}

/** Full blocks of prompt and answer that a record's own hashes tell. */
export function ownBlocks(record: TraceRecord, blockSize: Tokens): Blocks {
  return promptBlocks(record, blockSize) + (record.outputBlockIds?.length ?? 0);
}

const NO_BLOCKS = new Int32Array(0);

/** Of a prompt's chain: it never counts the partial block that some formats append. */
function promptBlocks({ blockIds, promptTokens }: TraceRecord, blockSize: Tokens): Blocks {
  return Math.min(blockIds?.length ?? 0, Math.floor(promptTokens / blockSize));
}

function concatenated(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
