import type { Tokens } from "../../base/index.js";
import type { BlockTable } from "../../trace/index.js";

/**
 * Fingerprints of a token sequence's full blocks, as the tap schema has them: a chain of FNV-1a hashes of 64 bits.
 * Each block folds the previous block's hash (8 bytes, little endian; for the first one the offset basis), then its
 * token ids (4 bytes each, little endian). So equal hashes mean equal tokens up to that block's end.
 * @param after the block that stands before `ids`, where they go on from a chain
 * @returns ids of the hashes in `blocks`, floor(ids.length / blockSize) of them
 */
export function chainBlocks(
  ids: ArrayLike<number>,
  blockSize: Tokens,
  blocks: BlockTable,
  after?: number,
): Int32Array {
  const chain = new Int32Array(Math.floor(ids.length / blockSize));
  let high = after === undefined ? BASIS_HIGH : blocks.high(after);
  let low = after === undefined ? BASIS_LOW : blocks.low(after);
  const fold = (word: number) => {
    for (let shift = 0; shift < 32; shift += 8) {
      // times 0x100000001b3 modulo 2^64, in two halves
      low = (low ^ ((word >>> shift) & 0xff)) >>> 0;
      const product = low * 0x1b3;
      high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x100000000) + (low << 8)) >>> 0;
      low = product >>> 0;
    }
  };
  for (let block = 0; block < chain.length; block++) {
    const previousHigh = high;
    const previousLow = low;
    high = BASIS_HIGH;
    low = BASIS_LOW;
    fold(previousLow);
    fold(previousHigh);
    for (let i = block * blockSize; i < (block + 1) * blockSize; i++) fold(ids[i] as number);
    chain[block] = blocks.intern(high, low);
  }
  return chain;
}

/** FNV's offset basis for 64 bits. */
const BASIS_HIGH = 0xcbf29ce4;
const BASIS_LOW = 0x84222325;
