import type { BlockTable } from "../../block-table.js";

/**
 * Makes chained block ids out of contents that are not chained themselves: a block is known by its content and all
 * before it. The hash of a block is the id of the one before and a running number of the content: exact, no two
 * chains collide. For traces all of whose blocks come from here.
 */
export class ChainTable {
  readonly #blocks: BlockTable;
  readonly #contents = new Map<string | number, number>();

  constructor(blocks: BlockTable) {
    this.#blocks = blocks;
  }

  /**
   * The id of the block with this content behind another block.
   * @param previous id of the block before, undefined at the start of a chain
   */
  child(previous: number | undefined, content: string | number): number {
    let number = this.#contents.get(content);
    if (number === undefined) {
      number = this.#contents.size;
      this.#contents.set(content, number);
    }
    return this.#blocks.intern(previous === undefined ? 0 : previous + 1, number);
  }
}
