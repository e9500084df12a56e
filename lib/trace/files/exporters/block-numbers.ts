import type { Tokens } from "../../../base/index.js";
import type { Trace, TraceRecord } from "../../trace.js";

/**
 * Numbers the blocks of a trace by first appearance, for formats with small ids. Since hashes are chained, a large block is known by
 * the last of the small ones in it. A last, partial block has the number of the trace's own where there is one, else one that is
 * shared with nothing; so have blocks whose hashes are not known.
 */
export class BlockNumbers {
  readonly #numbers: Int32Array;
  readonly #blocksPerBlock: number;
  readonly #blockSize: Tokens;
  #next = 0;

  /** @param blockSize tokens a block of the format, `blocksPerBlock` of the trace's */
  constructor(trace: Trace, blockSize: Tokens, blocksPerBlock: number) {
    this.#numbers = new Int32Array(trace.blocks.size).fill(-1);
    this.#blockSize = blockSize;
    this.#blocksPerBlock = blocksPerBlock;
  }

  /** One number for each block of a prompt, the partial one included. */
  of({ promptTokens, blockIds, tailBlockId }: TraceRecord): number[] {
    const ids: number[] = [];
    for (let i = this.#blocksPerBlock - 1; i < (blockIds?.length ?? 0); i += this.#blocksPerBlock)
      ids.push(this.#numberOf((blockIds as Int32Array)[i] as number));
    const tail = this.#blocksPerBlock === 1 ? tailBlockId : undefined;
    while (ids.length < Math.ceil(promptTokens / this.#blockSize)) {
      const isTail = tail !== undefined && ids.length === (blockIds?.length ?? 0);
      ids.push(isTail ? this.#numberOf(tail) : this.#next++);
    }
    return ids;
  }

  /** So many numbers that nothing else has. */
  fresh(count: number): number[] {
    return Array.from({ length: count }, () => this.#next++);
  }

  #numberOf(id: number): number {
    if (this.#numbers[id] === -1) this.#numbers[id] = this.#next++;
    return this.#numbers[id] as number;
  }
}
