import type { Blocks } from "../base/index.js";
import { ReplicaSets } from "./replica-sets.js";

/**
 * Blocks of the prompts in flight at each replica, one that several share counted once. As an active chain holds all before its
 * blocks, those that several share are the beginning of each.
 */
export class ActiveBlocks {
  /** Different blocks at each replica. */
  readonly sizeBlocks: Float64Array;
  readonly #active: ReplicaSets;
  /** Those that more than one has, and by replica how many more. */
  readonly #shared: ReplicaSets;
  readonly #more: Map<number, number>[];

  constructor(replicas: number) {
    this.sizeBlocks = new Float64Array(replicas);
    this.#active = new ReplicaSets(replicas);
    this.#shared = new ReplicaSets(replicas);
    this.#more = Array.from({ length: replicas }, () => new Map());
  }

  /** Writes for each replica how many leading blocks of a chain are active there. */
  depths(chain: Int32Array, length: Blocks, into: Int32Array): void {
    this.#active.depths(chain, length, into);
  }

  add(chain: Int32Array, length: Blocks, replica: number): void {
    const more = this.#more[replica];
    let block = 0;
    for (; block < length && this.#active.has(chain[block], replica); block++) {
      more.set(chain[block], (more.get(chain[block]) ?? 0) + 1);
      this.#shared.add(chain[block], replica);
    }
    this.sizeBlocks[replica] += length - block;
    for (; block < length; block++) this.#active.add(chain[block], replica);
  }

  remove(chain: Int32Array, length: Blocks, replica: number): void {
    const more = this.#more[replica];
    let block = length - 1;
    for (; block >= 0 && !this.#shared.has(chain[block], replica); block--)
      this.#active.delete(chain[block], replica);
    this.sizeBlocks[replica] -= length - 1 - block;
    for (; block >= 0; block--) {
      const left = (more.get(chain[block]) as number) - 1;
      if (left > 0) more.set(chain[block], left);
      else {
        more.delete(chain[block]);
        this.#shared.delete(chain[block], replica);
      }
    }
  }
}
