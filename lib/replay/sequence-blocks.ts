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
  const continuation = new Array<Int32Array | undefined>(records.length);
  for (let i = 0; i < records.length; i++) {
    const p = parent[i];
    if (p < 0) continue;
    const child = records[i]?.blockIds;
    const mother = promptBlocks(records[p], blockSize);
    if (!child || child.length <= mother.length || !startsWith(child, mother)) continue;
    if (child.length > (continuation[p]?.length ?? 0)) continuation[p] = child;
  }
  return records.map((record, i) => {
    const prompt = promptBlocks(record, blockSize);
    const full = Math.floor((record.promptTokens + record.outputTokens) / blockSize);
    if (record.outputBlockIds) return concatenated(prompt, record.outputBlockIds).subarray(0, full);
    return continuation[i]?.subarray(0, full) ?? prompt;
  });
}

/** Full blocks of prompt and answer that a record's own hashes tell. */
export function ownBlocks(record: TraceRecord, blockSize: Tokens): Blocks {
  return promptBlocks(record, blockSize).length + (record.outputBlockIds?.length ?? 0);
}

/** A chain never counts the partial block that some formats append. */
function promptBlocks(record: TraceRecord, blockSize: Tokens): Int32Array {
  return (record.blockIds ?? new Int32Array(0)).subarray(0, Math.floor(record.promptTokens / blockSize));
}

function startsWith(chain: Int32Array, prefix: Int32Array): boolean {
  // Ids are chained: equal last blocks mean equal prefixes.
  return prefix.length === 0 || chain[prefix.length - 1] === prefix[prefix.length - 1];
}

function concatenated(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
