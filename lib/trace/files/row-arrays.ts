import { ArrayArena } from "../array-arena.js";
import type { BlockTable } from "../block-table.js";
import { NumberArrays } from "./number-arrays.js";
import { RowDigest } from "./row-digest.js";

/** Arrays that are read from the bytes of the line. The order gives each its bit in {@link RowArrays.seen}. */
export const arrayFields = [
  "block_hashes",
  "output_block_hashes",
  "tail_block_hash",
  "itl_ms",
  "itl_tokens",
  "output_token_ids",
  "num_running",
  "prefill_tokens",
] as const;
export const blockHashes = 0;
export const outputBlockHashes = 1;
export const tailBlockHash = 2;
export const itlMs = 3;
export const itlTokens = 4;
export const outputTokenIds = 5;
/** From here on they stand within `itl_ctx`. */
export const numRunning = 6;
export const prefillTokens = 7;

/** The long arrays of a row, block hashes as ids of a table, without rounding. Reuses its buffers: one a file. */
export class RowArrays {
  /** By position in {@link arrayFields}; holds for those that `seen` has. */
  readonly values: (Int32Array | Float64Array | undefined)[] = [];
  /** Takes in every array that is read. */
  readonly digest = new RowDigest();
  /** One bit for each array of the row. */
  seen = 0;
  readonly #blocks: BlockTable;
  readonly #numbers = new NumberArrays();
  readonly #arena = new ArrayArena();

  constructor(blocks: BlockTable) {
    this.#blocks = blocks;
  }

  /** Starts over, for the next row. */
  reset(): void {
    this.seen = 0;
    this.digest.reset();
  }

  /**
   * Reads an array that begins at `start`.
   * @returns the position behind it
   * @throws RowError when an element is not what the field holds
   */
  read(field: number, bytes: Buffer, start: number, end: number): number {
    const numbers = this.#numbers;
    const name = field >= numRunning ? `itl_ctx.${arrayFields[field]}` : (arrayFields[field] as string);
    if (field === itlMs) {
      numbers.readDoubles(bytes, start, end, name);
      this.digest.addInts(numbers.doubleBits, 2 * numbers.length);
      this.values[field] = this.#arena.copyDoubles(numbers.doubles, numbers.length);
    } else if (field >= itlTokens) {
      numbers.readInts(bytes, start, end, name);
      this.digest.addInts(numbers.ints, numbers.length);
      this.values[field] = this.#arena.copyInts(numbers.ints, numbers.length);
    } else {
      numbers.readHashes(bytes, start, end, name);
      const ids = this.#arena.ints(numbers.length);
      this.#blocks.internChain(numbers.highs, numbers.lows, ids);
      this.digest.addInts(numbers.lows, ids.length);
      this.values[field] = ids;
    }
    this.seen |= 1 << field;
    return numbers.position;
  }
}
