import type { Tokens } from "../../base/index.js";
import type { BlockTable } from "../../trace/index.js";

/**
 * Fingerprints of a token sequence's full blocks, as the tap schema has them: a chain of FNV-1a hashes of 64 bits.
 * Each block folds the previous block's hash (8 bytes, little endian; for the first one the offset basis), then its
 * token ids (4 bytes each, little endian). So equal hashes mean equal tokens up to that block's end.
 * @returns ids of the hashes in `blocks`, floor(ids.length / blockSize) of them
 */
export function chainBlocks(ids: ArrayLike<number>, blockSize: Tokens, blocks: BlockTable): Int32Array {
  const full = Math.floor(ids.length / blockSize);
  const chain = new Int32Array(full);
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (let block = 0; block < full; block++) {
    const previousHigh = high;
    const previousLow = low;
    high = 0xcbf29ce4;
    low = 0x84222325;
    const fold = (word: number) => {
      for (let shift = 0; shift < 32; shift += 8) {
        low = (low ^ ((word >>> shift) & 0xff)) >>> 0;
        const product = low * 0x1b3;
        high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x100000000) + (low << 8)) >>> 0;
        low = product >>> 0;
      }
    };
    fold(previousLow);
    fold(previousHigh);
    for (let i = 0; i < blockSize; i++) fold(ids[block * blockSize + i] as number);
    chain[block] = blocks.intern(high, low);
  }
  return chain;
}
