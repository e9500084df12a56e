import type { Blocks, Ms, Tokens } from "../base/index.js";
import { type BlockAccess, findableBlocks } from "../cache/index.js";
import type { Workload } from "../sessions/index.js";
import { defaultBlockSize } from "../trace/index.js";
import { type AnswerReuse, workloadChains } from "./answer-reuse.js";

/** What a cache is asked for that serves one request after another: no scheduler, no step times. */
export interface BlockAccesses {
  /** Of the pool. */
  readonly blockSize: Tokens;
  /** Prompt tokens of all requests: what hit rates are shares of. */
  readonly promptTokens: Tokens;
  /** In order of arrival, as far as it is recorded; see `findableBlocks` for what of a prompt is looked up. */
  readonly accesses: readonly BlockAccess[];
  /** The record that each access is of. */
  readonly order: Int32Array;
  /** Whether every record tells its arrival: if not, accesses are in the order of the rows. */
  readonly hasArrivals: boolean;
  /** Content ids run from 0 to contentCount - 1. */
  readonly contentCount: number;
  /** What rests on answers being repeated; undefined where nothing does. */
  readonly reuse?: AnswerReuse;
  /** Full prompt blocks without a hash, which are shared with nothing. */
  readonly unhashedPromptBlocks: Blocks;
}

/**
 * A workload's requests as chains of blocks that a cache looks up and stores.
 * @param options `blockSize` of the pool, the trace's unless given, and `answerReuse`, see {@link workloadChains}
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { blockAccesses } from "prefixlab/replay";
 * const { accesses, promptTokens } = blockAccesses(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * [accesses.length, promptTokens]; // → [320, 522240]
 * ```
 */
export function blockAccesses(
  workload: Workload,
  options: { readonly blockSize?: Tokens; readonly answerReuse?: boolean } = {},
): BlockAccesses {
  const { records, meta } = workload.trace;
  const { blockSize = meta.blockSize ?? defaultBlockSize } = options;
  const { contentIds, contentCount, reuse, unhashedPromptBlocks } = workloadChains(workload, {
    ...options,
    blockSize,
  });
  const hasArrivals = records.every(({ arrivalMs }) => arrivalMs !== undefined);
  const order = Int32Array.from(records.keys());
  if (hasArrivals) order.sort((a, b) => (records[a].arrivalMs as Ms) - (records[b].arrivalMs as Ms) || a - b);
  return {
    blockSize,
    promptTokens: records.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
    accesses: Array.from(order, (index) => ({
      contentIds: contentIds[index],
      promptBlocks: findableBlocks(records[index].promptTokens, blockSize),
    })),
    order,
    hasArrivals,
    contentCount,
    ...(reuse && { reuse }),
    unhashedPromptBlocks,
  };
}

/**
 * Share of the prompt tokens that so many blocks are, 0 where there are none: the hit rate that vLLM tells as
 * `prefix_cache_hits` a `prefix_cache_queries`, both in tokens.
 * @example
 * ```ts
 * import { tokenShare } from "prefixlab/replay";
 * tokenShare(30, { blockSize: 16, promptTokens: 640 }); // → 0.75
 * ```
 */
export function tokenShare(
  blocks: Blocks,
  { blockSize, promptTokens }: Pick<BlockAccesses, "blockSize" | "promptTokens">,
): number {
  return promptTokens === 0 ? 0 : (blocks * blockSize) / promptTokens;
}
