const FREE = -1;
/** Knuth's multiplicative hash: the golden ratio's share of 2^32. */
const GOLDEN = 0x9e3779b1;

/**
 * The latest record whose prompt ends at a block. Few blocks end a prompt: a table with open addressing over those that do
 * takes 16 bytes a record, where a column over all blocks would take 4 bytes a block.
 */
export class BlockEnds {
  /** A block and its record, side by side: a look-up misses the cache once less. */
  readonly #slots: Int32Array;
  readonly #shift: number;
  readonly #last: number;

  /** @param records how many prompts there are: no more blocks end one */
  constructor(records: number) {
    const bits = Math.ceil(Math.log2(2 * Math.max(2, records)));
    this.#shift = 32 - bits;
    this.#last = 2 ** (bits + 1) - 1;
    this.#slots = new Int32Array(2 ** (bits + 1)).fill(FREE);
  }

  /** -1 where none does so far. */
  at(block: number): number {
    return this.#slots[this.#slotOf(block) + 1];
  }

  /** Takes in a record, and returns the one before it, -1 for none. */
  put(block: number, record: number): number {
    const slot = this.#slotOf(block);
    const before = this.#slots[slot + 1];
    this.#slots[slot] = block;
    this.#slots[slot + 1] = record;
    return before;
  }

  clear(): void {
    this.#slots.fill(FREE);
  }

  #slotOf(block: number): number {
    const slots = this.#slots;
    let slot = (Math.imul(block, GOLDEN) >>> this.#shift) << 1;
    while (slots[slot] !== block && slots[slot] !== FREE) slot = (slot + 2) & this.#last;
    return slot;
  }
}
