import type { Blocks, Tokens } from "../base/index.js";
import { findableBlocks } from "../cache/index.js";
import type { Workload } from "../sessions/index.js";
import { defaultBlockSize, type Trace, type TraceRecord } from "../trace/index.js";
import { type PoolChains, plannedOutputTokens, poolChains } from "./pool-chains.js";
import { continuations, ownBlocks, sequenceBlocks, sequenceOf } from "./sequence-blocks.js";

/**
 * What rests on the assumption that the next turn repeats the answer before it, where a trace has hashes of prompts and
 * none of answers. Counted in a pool that gives nothing up, one request after another in order of arrival: there, and
 * only there, it is the same for every engine.
 */
export interface AnswerReuse {
  /** Whether it is assumed, or what it comes to is told of a replay that leaves it out. */
  readonly isAssumed: boolean;
  /** Of the pool. */
  readonly blockSize: Tokens;
  /** Requests that find more by it, of all. */
  readonly requests: number;
  readonly of: number;
  /** Prompt tokens that they find more by it. */
  readonly tokens: Tokens;
  /** Share of all prompt tokens that is found with it and without it. */
  readonly sharedWith: number;
  readonly sharedWithout: number;
}

/** What a pool's blocks hold for each record of a workload, and what is assumed in it. */
export interface WorkloadChains extends PoolChains {
  /** Undefined where nothing rests on it. */
  readonly reuse?: AnswerReuse;
}

/**
 * Content ids of a workload in a pool's block size. An answer of which the record tells no hashes holds what the next turn
 * has in its place (engines do so: the answer's blocks are found by the turn that repeats it), or with `answerReuse` false
 * what nobody else has.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { workloadChains } from "prefixlab/replay";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * // The capture tells its answers: nothing is assumed of them.
 * workloadChains(workload).reuse === undefined; // → true
 * ```
 */
export function workloadChains(
  { trace, sessions }: Workload,
  options: { readonly blockSize?: Tokens; readonly answerReuse?: boolean } = {},
): WorkloadChains {
  const traceBlockSize = trace.meta.blockSize ?? defaultBlockSize;
  const { blockSize = traceBlockSize, answerReuse = true } = options;
  const chainsBy = (parent: Int32Array) =>
    poolChains(trace, sequenceBlocks(trace, parent, traceBlockSize), traceBlockSize, blockSize);
  const alone = () => chainsBy(new Int32Array(trace.records.length).fill(-1));
  if (!answerReuse && blockSize === traceBlockSize) {
    const told = reuseInTraceBlocks({ trace, sessions }, blockSize, false);
    return { ...alone(), ...(told && { reuse: told }) };
  }
  const repeated = chainsBy(sessions.parent);
  const { contentIds, contentCount, knownBlocks, toldBlocks } = repeated;
  const chainOf = (i: number): KnownChain => ({
    ids: contentIds[i],
    known: knownBlocks[i],
    told: toldBlocks[i],
  });
  const reuse = reuseOf(trace, chainOf, contentCount, blockSize, answerReuse);
  const chains = answerReuse ? repeated : alone();
  return { ...chains, ...(reuse && { reuse }) };
}

/**
 * What rests on the assumption, as {@link workloadChains} tells it; where the pool's blocks are the trace's, without making the
 * chains of all requests.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { answerReuse } from "prefixlab/replay";
 * // The capture tells its answers: nothing is assumed of them.
 * answerReuse(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }))) === undefined; // → true
 * ```
 */
export function answerReuse(
  workload: Workload,
  options: { readonly blockSize?: Tokens } = {},
): AnswerReuse | undefined {
  const traceBlockSize = workload.trace.meta.blockSize ?? defaultBlockSize;
  const { blockSize = traceBlockSize } = options;
  return blockSize === traceBlockSize
    ? reuseInTraceBlocks(workload, blockSize, true)
    : workloadChains(workload, { blockSize }).reuse;
}

function reuseInTraceBlocks(
  { trace, sessions }: Workload,
  blockSize: Tokens,
  isAssumed: boolean,
): AnswerReuse | undefined {
  const next = continuations(trace, sessions.parent, blockSize);
  if (!trace.records.some(({ outputBlockIds }, i) => next[i] && !outputBlockIds)) return undefined;
  const chainOf = (i: number): KnownChain => {
    const record = trace.records[i];
    const { ids, known } = sequenceOf(record, next[i], blockSize);
    return { ids, known, told: Math.min(known, ownBlocks(record, blockSize)) };
  };
  return reuseOf(trace, chainOf, trace.blocks.size, blockSize, isAssumed);
}

/**
 * The assumption in words for the user.
 * @example
 * ```ts
 * import { answerReuseWords } from "prefixlab/replay";
 * const found = { blockSize: 16, requests: 2, of: 9, tokens: 64, sharedWith: 0.4, sharedWithout: 0.35 };
 * answerReuseWords({ ...found, isAssumed: true }).slice(0, 42); // → "the next turn repeats the answer before it"
 * ```
 */
export function answerReuseWords(reuse: AnswerReuse): string {
  const { isAssumed, blockSize, requests, of, tokens, sharedWith, sharedWithout } = reuse;
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const points = (100 * (sharedWith - sharedWithout)).toFixed(2);
  const effect = `${requests} of ${of} requests find ${tokens} more prompt tokens, ${percent(sharedWith)} of all instead of ${percent(sharedWithout)} (+${points} points, in a pool without bound, of ${blockSize}-token blocks)`;
  return isAssumed
    ? `the next turn repeats the answer before it, where no hashes tell the answer: ${effect}`
    : `no answer is found again, where no hashes tell it; if the next turn repeats it: ${effect}`;
}

/** What is known of a request's blocks: the first `known` ids, the first `told` by its own hashes. */
interface KnownChain {
  readonly ids: Int32Array;
  readonly known: Blocks;
  readonly told: Blocks;
}

function reuseOf(
  { records }: Trace,
  chainOf: (record: number) => KnownChain,
  contentCount: number,
  blockSize: Tokens,
  isAssumed: boolean,
): AnswerReuse | undefined {
  // 0: in no block yet; then whether it is there by the assumption alone.
  const stored = new Uint8Array(contentCount);
  let requests = 0;
  let tokens = 0;
  let promptTokens = 0;
  let withoutTokens = 0;
  for (let i = 0; i < records.length; i++) {
    const { ids, known, told } = chainOf(i);
    const limit = Math.min(known, findableBlocks(records[i].promptTokens, blockSize));
    let without = 0;
    while (without < limit && stored[ids[without]] === TOLD) without++;
    let found = without;
    while (found < limit && stored[ids[found]] !== 0) found++;
    promptTokens += records[i].promptTokens;
    withoutTokens += without * blockSize;
    tokens += (found - without) * blockSize;
    if (found > without) requests++;
    const kept = Math.min(known, storedBlocks(records[i], blockSize));
    // What was found is stored already.
    const toldUpTo = Math.min(told, kept);
    for (let b = without; b < toldUpTo; b++) stored[ids[b]] = TOLD;
    for (let b = Math.max(told, found); b < kept; b++) stored[ids[b]] ||= ASSUMED;
  }
  if (tokens === 0) return undefined;
  return {
    isAssumed,
    blockSize,
    requests,
    of: records.length,
    tokens,
    sharedWith: (withoutTokens + tokens) / promptTokens,
    sharedWithout: withoutTokens / promptTokens,
  };
}

const TOLD = 1;
const ASSUMED = 2;

/** Full blocks that a finished request leaves in the pool: the last token of an answer is given out, and never computed. */
function storedBlocks({ promptTokens, outputTokens }: TraceRecord, blockSize: Tokens): Blocks {
  return Math.floor((promptTokens + plannedOutputTokens(outputTokens) - 1) / blockSize);
}
