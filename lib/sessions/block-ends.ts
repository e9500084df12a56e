const FREE = -1;
/** Knuth's multiplicative hash: the golden ratio's share of 2^32. */
const GOLDEN = 0x9e3779b1;
const NONE = new Int32Array(0);

/**
 * The latest record whose prompt ends at a block. Where prompts are long, few blocks end one: a table with open addressing over
 * those that do takes 16 bytes a record. Where that is more than the 4 bytes a block of a column over all blocks, it is a column,
 * which also has the blocks of one time side by side.
 */
export class BlockEnds {
  /** By block; empty where there is a table. */
  readonly #column: Int32Array;
  /** A block and its record, side by side: a look-up misses the cache once less. Empty where there is a column. */
  readonly #slots: Int32Array;
  readonly #shift: number;
  readonly #last: number;

  /**
   * @param records how many prompts there are: no more blocks end one
   * @param idLimit more than the largest block id
   */
  constructor(records: number, idLimit: number) {
    const isColumn = idLimit <= 4 * records;
    const bits = Math.ceil(Math.log2(2 * Math.max(2, records)));
    this.#shift = 32 - bits;
    this.#last = 2 ** (bits + 1) - 1;
    this.#column = isColumn ? new Int32Array(idLimit).fill(FREE) : NONE;
    this.#slots = isColumn ? NONE : new Int32Array(2 ** (bits + 1)).fill(FREE);
  }

  /** -1 where none does so far. */
  at(block: number): number {
    if (this.#slots.length === 0) return this.#column[block];
    return this.#slots[this.#slotOf(block) + 1];
  }

  /** Takes in a record, and returns the one before it, -1 for none. */
  put(block: number, record: number): number {
    const before = this.at(block);
    if (this.#slots.length === 0) this.#column[block] = record;
    else {
      const slot = this.#slotOf(block);
      this.#slots[slot] = block;
      this.#slots[slot + 1] = record;
    }
    return before;
  }

  clear(): void {
    this.#column.fill(FREE);
    this.#slots.fill(FREE);
  }

  #slotOf(block: number): number {
    const slots = this.#slots;
    let slot = (Math.imul(block, GOLDEN) >>> this.#shift) << 1;
    while (slots[slot] !== block && slots[slot] !== FREE) slot = (slot + 2) & this.#last;
    return slot;
  }
}
