import type { Tokens } from "../../../base/index.js";
import type { BlockTable } from "../../block-table.js";
import { RowError } from "../../row-error.js";
import type { ChainTable } from "./chain-table.js";
import type { IdList } from "./json-rows.js";

/** A prompt's full blocks, and its last, partial one where the source has an id for it. */
export interface PromptBlocks {
  readonly blockIds: Int32Array;
  readonly tailBlockId: number | undefined;
}

/**
 * Splits a source's list of block ids into the prompt's full blocks and its last, partial one: the one counting of blocks
 * for all formats with ids, whether they list ceil(tokens / block) or floor(tokens / block) of them.
 * @param field the list's name, for what is said of it
 * @throws RowError when the list is as long as neither: block size or length are not what they seem
 */
export function promptBlocks(
  field: string,
  ids: Int32Array,
  promptTokens: Tokens,
  blockSize: Tokens,
): PromptBlocks {
  checkLength(field, ids.length, promptTokens, blockSize);
  const full = Math.floor(promptTokens / blockSize);
  return { blockIds: ids.slice(0, full), tailBlockId: ids[full] };
}

/** @throws RowError unless `length` ids are the full blocks of so many tokens, with or without a partial one */
export function checkLength(field: string, length: number, promptTokens: Tokens, blockSize: Tokens): void {
  const full = Math.floor(promptTokens / blockSize);
  const all = Math.ceil(promptTokens / blockSize);
  if (length === full || length === all) return;
  throw new RowError(
    `${field} has ${length} entries, but ${promptTokens} tokens are ${all} blocks of ${blockSize}` +
      `${full === all ? "" : ` (${full} full ones)`}`,
  );
}

/** Dense ids of hashes that are chained in the source: equal ones mean equal prompts up to there. */
export function chainedIds(ids: IdList, blocks: BlockTable): Int32Array {
  const dense = new Int32Array(ids.length);
  blocks.internChain(ids.highs, ids.lows, dense);
  return dense;
}

/** Dense ids of hashes of each block on its own, chained here: a block is the same only after the same blocks. */
export function idsInChain(ids: IdList, chains: ChainTable): Int32Array {
  const dense = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const [high, low] = [ids.highs[i], ids.lows[i]];
    dense[i] = chains.child(i === 0 ? undefined : dense[i - 1], high === 0 ? low : `${high}/${low}`);
  }
  return dense;
}
