import type { Tokens } from "../base/index.js";
import type { Trace } from "../trace/index.js";
import { ownBlocks } from "./sequence-blocks.js";

/** Content ids in the pool's block size for every record of a trace. */
export interface PoolChains {
  /** Full blocks of prompt and answer, first to last: floor((prompt + output) / poolBlockSize) ids a record. */
  readonly contentIds: readonly Int32Array[];
  /** Ids run from 0 to contentCount - 1. */
  readonly contentCount: number;
  /** Leading blocks of each record whose content the trace tells, from its own hashes or from a later turn's prompt. */
  readonly knownBlocks: Int32Array;
  /** Those that its own hashes tell. */
  readonly toldBlocks: Int32Array;
  /** Full prompt blocks that had no hash in the trace and were taken as shared with nothing. */
  readonly unhashedPromptBlocks: number;
  /** Blocks of answers whose content the trace tells, from its own record or from a later turn's prompt. */
  readonly knownOutputBlocks: number;
  /** Blocks of answers that no later prompt is known to continue. */
  readonly freshOutputBlocks: number;
}

/**
 * Translates a trace's chained block ids to a pool whose blocks may have another size. A pool block that ends at token
 * e lies inside the trace block that covers token e; two prompts share it for sure when they share that trace block.
 * So its content is (trace block, e's place in it): with equal sizes the trace block itself, with 512 over 16 one of 32
 * parts, with 16 under 32 every second one. What the trace has no hash for gets an id of its own, shared with nothing.
 *
 * @param sequences full blocks of prompt and answer in the trace's block size, one chain a record
 */
export function poolChains(
  trace: Trace,
  sequences: readonly Int32Array[],
  traceBlockSize: Tokens,
  poolBlockSize: Tokens,
): PoolChains {
  const stride = greatestCommonDivisor(traceBlockSize, poolBlockSize);
  const partsPerBlock = traceBlockSize / stride;
  const partsPerPoolBlock = poolBlockSize / stride;
  let fresh = trace.blocks.size * partsPerBlock;
  let unhashedPromptBlocks = 0;
  let knownOutputBlocks = 0;
  let freshOutputBlocks = 0;
  const knownBlocks = new Int32Array(trace.records.length);
  const toldBlocks = new Int32Array(trace.records.length);
  const contentIds = trace.records.map((record, index) => {
    const sequence = sequences[index];
    const promptBlocks = Math.floor(record.promptTokens / poolBlockSize);
    const blocks = Math.floor(
      (record.promptTokens + plannedOutputTokens(record.outputTokens)) / poolBlockSize,
    );
    const known = Math.min(blocks, Math.floor((sequence.length * traceBlockSize) / poolBlockSize));
    // A chain that is told to its end, in blocks of the pool's size, is itself.
    const isItself = partsPerBlock === 1 && partsPerPoolBlock === 1 && known === blocks;
    const ids = isItself ? sequence.subarray(0, blocks) : new Int32Array(blocks);
    // In units of the stride, `place` is how far into its trace block a pool block ends.
    let covering = 0;
    let place = 0;
    for (let b = 0; b < known && !isItself; b++) {
      place += partsPerPoolBlock;
      for (; place > partsPerBlock; place -= partsPerBlock) covering++;
      ids[b] = sequence[covering] * partsPerBlock + place - 1;
    }
    for (let b = known; b < blocks; b++) ids[b] = fresh++;
    knownBlocks[index] = known;
    const told = Math.min(sequence.length, ownBlocks(record, traceBlockSize));
    toldBlocks[index] = Math.min(known, Math.floor((told * traceBlockSize) / poolBlockSize));
    unhashedPromptBlocks += Math.max(0, promptBlocks - known);
    knownOutputBlocks += Math.max(0, known - promptBlocks);
    freshOutputBlocks += blocks - Math.max(known, promptBlocks);
    return ids;
  });
  return {
    contentIds,
    contentCount: fresh,
    knownBlocks,
    toldBlocks,
    unhashedPromptBlocks,
    knownOutputBlocks,
    freshOutputBlocks,
  };
}

/** Content ids that are shared with nothing: every prompt unique, as with `--cold-prompts`. */
export function uniqueChains(trace: Trace, poolBlockSize: Tokens): PoolChains {
  return poolChains(
    trace,
    trace.records.map(() => new Int32Array(0)),
    poolBlockSize,
    poolBlockSize,
  );
}

/** The engine emits at least one token: a request that failed before its first is planned with one. */
export function plannedOutputTokens(outputTokens: Tokens): Tokens {
  return Math.max(1, outputTokens);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
