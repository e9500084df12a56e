import { type Blocks, requireInteger, type Tokens } from "../../base/index.js";

/** The content ids of one request's blocks, held until they are given back. */
export interface HeldContent {
  /** One id a full block of prompt and answer together, first to last. */
  readonly ids: Int32Array;
  /** To be called once, when the request has left the engine. */
  release(): void;
}

/**
 * Gives token blocks the dense ids that the engine's pool knows them by: equal ids for blocks that are equal up to
 * their end. A server runs for weeks, so ids of blocks that neither a request nor the pool holds are used again, and
 * memory is bounded by the pool.
 *
 * Blocks are told apart by 53 bits of a chained hash of their tokens: with a million blocks held, the odds that any
 * two are taken for equal are about one in 20,000.
 */
export class ContentIds {
  readonly #blockSize: Tokens;
  readonly #isPooled: (id: number) => boolean;
  readonly #idOf = new Map<number, number>();
  readonly #keyOf: number[] = [];
  readonly #holders: number[] = [];
  readonly #unused: number[] = [];
  #sweepAt: number;

  /**
   * @param poolBlocks size of the engine's pool
   * @param isPooled whether the pool holds a block under an id
   */
  constructor(options: {
    readonly blockSize: Tokens;
    readonly poolBlocks: Blocks;
    readonly isPooled: (id: number) => boolean;
  }) {
    this.#blockSize = requireInteger("ContentIds", "blockSize", options.blockSize, 1);
    this.#isPooled = options.isPooled;
    this.#sweepAt = 2 * options.poolBlocks + 16;
  }

  /** Ids given out and not yet free to be used again. */
  get size(): number {
    return this.#idOf.size;
  }

  /** Ids of the full blocks of a token sequence. */
  hold(tokens: Int32Array): HeldContent {
    const size = this.#blockSize;
    const ids = new Int32Array(Math.floor(tokens.length / size));
    let high = 0x2545f491;
    let low = 0x4f6cdd1d;
    for (let block = 0; block < ids.length; block++) {
      for (let i = block * size; i < (block + 1) * size; i++) {
        const token = tokens[i];
        high = mixed(high ^ token, 0x85ebca6b);
        low = mixed((low + token) ^ high, 0xc2b2ae35);
      }
      ids[block] = this.#hold((high >>> 11) * 0x100000000 + (low >>> 0));
    }
    return {
      ids,
      release: () => {
        for (const id of ids) this.#holders[id]--;
      },
    };
  }

  #hold(key: number): number {
    let id = this.#idOf.get(key);
    if (id === undefined) {
      if (this.#unused.length === 0 && this.#idOf.size >= this.#sweepAt) this.#sweep();
      id = this.#unused.pop() ?? this.#keyOf.length;
      this.#idOf.set(key, id);
      this.#keyOf[id] = key;
      this.#holders[id] = 0;
    }
    this.#holders[id]++;
    return id;
  }

  #sweep(): void {
    for (const [key, id] of this.#idOf) {
      if (this.#holders[id] > 0 || this.#isPooled(id)) continue;
      this.#idOf.delete(key);
      this.#unused.push(id);
    }
    // Most of it is in use: sweep less often, so that sweeping stays a constant share of the work.
    if (this.#idOf.size > this.#sweepAt / 2) this.#sweepAt = 2 * this.#idOf.size;
  }
}

/** One round of a multiply-xorshift mixer. */
function mixed(value: number, multiplier: number): number {
  const product = Math.imul(value ^ (value >>> 15), multiplier);
  return product ^ (product >>> 13);
}
