const NONE = -1;
/** Contents that share a page: ids are given as contents are first seen, so that what is held at one time has ids that are near. */
const PAGE_BITS = 8;
const PAGE = 1 << PAGE_BITS;

/**
 * The block that holds each content, of those that are held: pages of neighbouring ids, taken when the first of them is held and
 * given back with the last. Memory goes by what is held, but for four bytes a page of all ids.
 */
export class ContentTable {
  /** By page of ids: where its entries begin. Those of the first, at 0, are for pages of which nothing is held. */
  #startOf: Int32Array;
  #blocks: Int32Array = new Int32Array(16 * PAGE).fill(NONE);
  /** By where its entries begin, in pages: how many are held. */
  #held: Int32Array = new Int32Array(16);
  readonly #unused: number[] = [];
  #pages = 1;

  /** @param contentCount how many ids there will be, if known; more is allowed, and makes it grow */
  constructor(contentCount = 1024) {
    this.#startOf = new Int32Array((Math.max(16, contentCount) >> PAGE_BITS) + 1);
  }

  /** Pages in memory. */
  get pages(): number {
    return this.#pages;
  }

  /** The block that holds a content, or -1. */
  find(contentId: number): number {
    const page = contentId >>> PAGE_BITS;
    return page < this.#startOf.length ? this.#blocks[this.#startOf[page] + (contentId & (PAGE - 1))] : NONE;
  }

  /** {@link ContentTable.find} for the first contents of a chain, at most `limit`, into `blocks`, up to one that is not held. */
  findLeading(chain: Int32Array, limit: number, blocks: Int32Array): number {
    const startOf = this.#startOf;
    const entries = this.#blocks;
    let found = 0;
    for (; found < limit; found++) {
      const contentId = chain[found];
      const page = contentId >>> PAGE_BITS;
      if (page >= startOf.length) break;
      const block = entries[startOf[page] + (contentId & (PAGE - 1))];
      if (block === NONE) break;
      blocks[found] = block;
    }
    return found;
  }

  /** A content that nothing held is held by this block. */
  add(contentId: number, block: number): void {
    const page = contentId >>> PAGE_BITS;
    if (page >= this.#startOf.length) this.#growIds(page);
    const start = this.#startOf[page] || this.#takePage(page);
    this.#blocks[start + (contentId & (PAGE - 1))] = block;
    this.#held[start >>> PAGE_BITS]++;
  }

  /** A content that is held is held by this block from now on. */
  move(contentId: number, block: number): void {
    this.#blocks[this.#startOf[contentId >>> PAGE_BITS] + (contentId & (PAGE - 1))] = block;
  }

  /** A content is held no more. */
  remove(contentId: number): void {
    const page = contentId >>> PAGE_BITS;
    const start = this.#startOf[page];
    this.#blocks[start + (contentId & (PAGE - 1))] = NONE;
    if (--this.#held[start >>> PAGE_BITS] > 0) return;
    this.#startOf[page] = 0;
    this.#unused.push(start);
  }

  /** Where the entries of a page of ids begin from now on: all of them are -1. */
  #takePage(page: number): number {
    let start = this.#unused.pop();
    if (start === undefined) {
      if (this.#pages === this.#held.length) this.#growPages();
      start = this.#pages++ << PAGE_BITS;
    }
    this.#startOf[page] = start;
    return start;
  }

  #growPages(): void {
    const held = new Int32Array(2 * this.#held.length);
    held.set(this.#held);
    this.#held = held;
    const blocks = new Int32Array(2 * this.#blocks.length).fill(NONE, this.#blocks.length);
    blocks.set(this.#blocks);
    this.#blocks = blocks;
  }

  #growIds(page: number): void {
    const larger = new Int32Array(Math.max(page + 1, 2 * this.#startOf.length));
    larger.set(this.#startOf);
    this.#startOf = larger;
  }
}
