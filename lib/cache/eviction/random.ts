import type { RandomStream } from "../../base/index.js";
import type { EvictedPool, Eviction, EvictionPolicy } from "./eviction.js";

/** Random replacement: gives up any idle block, each as likely as the others. Draws from the run's seed. */
export function random(): EvictionPolicy {
  return { name: "random", start: (pool) => new RandomReplacement(pool) };
}

class RandomReplacement implements Eviction {
  readonly #random: RandomStream;
  /** The idle blocks, in no order, and by block its place among them. */
  readonly #idle: Int32Array;
  readonly #places: Int32Array;
  #count = 0;

  constructor({ capacityBlocks, random: draws }: EvictedPool) {
    this.#random = draws;
    this.#idle = new Int32Array(capacityBlocks);
    this.#places = new Int32Array(capacityBlocks);
  }

  freed(block: number): void {
    this.#idle[this.#count] = block;
    this.#places[block] = this.#count++;
  }

  reused(block: number): void {
    const last = this.#idle[--this.#count];
    const place = this.#places[block];
    this.#idle[place] = last;
    this.#places[last] = place;
  }

  victim(): number {
    const block = this.#idle[this.#random.integer(this.#count)];
    this.reused(block);
    return block;
  }
}
