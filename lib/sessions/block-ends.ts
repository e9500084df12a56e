const FREE = -1;
/** Knuth's multiplicative hash: the golden ratio's share of 2^32. */
const GOLDEN = 0x9e3779b1;

/**
 * The latest record whose prompt ends at a block. Few blocks end a prompt: a table with open addressing over those that do
 * takes 16 bytes a record, where a column over all blocks would take 4 bytes a block.
 */
export class BlockEnds {
  readonly #blocks: Int32Array;
  readonly #records: Int32Array;
  readonly #shift: number;
  readonly #last: number;

  /** @param records how many prompts there are: no more blocks end one */
  constructor(records: number) {
    const bits = Math.ceil(Math.log2(2 * Math.max(2, records)));
    this.#shift = 32 - bits;
    this.#last = 2 ** bits - 1;
    this.#blocks = new Int32Array(2 ** bits).fill(FREE);
    this.#records = new Int32Array(2 ** bits).fill(-1);
  }

  /** -1 where none does so far. */
  at(block: number): number {
    return this.#records[this.#slotOf(block)];
  }

  set(block: number, record: number): void {
    const slot = this.#slotOf(block);
    this.#blocks[slot] = block;
    this.#records[slot] = record;
  }

  clear(): void {
    this.#records.fill(-1);
  }

  #slotOf(block: number): number {
    let slot = Math.imul(block, GOLDEN) >>> this.#shift;
    while (this.#blocks[slot] !== block && this.#blocks[slot] !== FREE) slot = (slot + 1) & this.#last;
    return slot;
  }
}
