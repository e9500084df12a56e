import type { Bytes } from "../../base/index.js";

/** Work that needs less than this is never held up. */
const SMALL_BYTES: Bytes = 1024 * 1024;

/** Lets work that needs much memory pass only as far as there is room for it, in the order in which it came. */
export class MemoryGate {
  readonly #limit: Bytes;
  readonly #queue: { readonly bytes: Bytes; readonly enter: () => void }[] = [];
  #inside: Bytes = 0;

  constructor(limit: Bytes) {
    this.#limit = limit;
  }

  /** Resolves when there is room; more than the gate's limit passes alone. */
  async enter(bytes: Bytes): Promise<void> {
    if (bytes >= SMALL_BYTES && (this.#queue.length > 0 || !this.#fits(bytes)))
      await new Promise<void>((enter) => this.#queue.push({ bytes, enter }));
    else this.#inside += bytes;
  }

  /** Gives room back: all that was entered with, or a part of it that is not needed after all. */
  leave(bytes: Bytes): void {
    this.#inside -= bytes;
    for (let [next] = this.#queue; next && this.#fits(next.bytes); [next] = this.#queue) {
      this.#queue.shift();
      this.#inside += next.bytes;
      next.enter();
    }
  }

  #fits(bytes: Bytes): boolean {
    return this.#inside + bytes <= this.#limit || this.#inside < SMALL_BYTES;
  }
}
