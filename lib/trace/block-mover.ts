import { ArrayArena } from "./array-arena.js";
import type { BlockTable } from "./block-table.js";

/**
 * Moves chains of block ids from one table to another, which takes in what it lacks. Remembers what became of each id:
 * most blocks of a chain were in an earlier one. The first table may be emptied meanwhile, the second may not.
 * @example
 * ```ts
 * import { BlockMover, BlockTable } from "prefixlab/trace";
 * const [from, to] = [new BlockTable(), new BlockTable()];
 * const chain = Int32Array.of(from.intern(1, 1), from.intern(2, 2));
 * const mover = new BlockMover(from, to);
 * [...mover.moved(chain.subarray(1)), ...mover.moved(chain)]; // → [0, 1, 0]
 * ```
 */
export class BlockMover {
  readonly #from: BlockTable;
  readonly #to: BlockTable;
  readonly #arena = new ArrayArena();
  /** By id of the first table: one more than the second one's, 0 where not moved yet. */
  #movedTo = new Int32Array(1024);
  #generation: number;

  constructor(from: BlockTable, to: BlockTable) {
    this.#from = from;
    this.#to = to;
    this.#generation = from.generation;
  }

  /** The chain's ids in the second table. */
  moved(chain: Int32Array): Int32Array {
    const ids = this.#arena.copyInts(chain, chain.length);
    this.move(ids);
    return ids;
  }

  /** Puts the ids in the second table in place of a chain's. */
  move(chain: Int32Array): void {
    const from = this.#from;
    if (from.generation !== this.#generation) {
      this.#generation = from.generation;
      this.#movedTo.fill(0);
    }
    if (from.size > this.#movedTo.length) {
      const larger = new Int32Array(2 * Math.max(from.size, this.#movedTo.length));
      larger.set(this.#movedTo);
      this.#movedTo = larger;
    }
    const movedTo = this.#movedTo;
    for (let d = 0; d < chain.length; d++) {
      const id = chain[d];
      let next = movedTo[id];
      if (next === 0) {
        next = this.#to.intern(from.high(id), from.low(id)) + 1;
        movedTo[id] = next;
      }
      chain[d] = next - 1;
    }
  }
}
