import type { Bytes } from "../../base/index.js";

/** Limits of what the tap keeps of exchanges that are under way or wait to be read. */
export interface HeldLimits {
  /** Of all exchanges together. */
  readonly totalBytes: Bytes;
  /** Of what exchanges hold beyond their first `smallBytes`, together: large bodies leave room for small ones. */
  readonly largeBytes: Bytes;
  readonly smallBytes: Bytes;
}

const defaultLimits: HeldLimits = {
  totalBytes: 96 * 1024 * 1024,
  largeBytes: 48 * 1024 * 1024,
  smallBytes: 1024 * 1024,
};

/**
 * Counts the bytes that are kept of each exchange, from the first that comes in to the record, so that memory is bounded
 * whatever clients send and however slowly it is recorded.
 */
export class HeldBytes {
  readonly #limits: HeldLimits;
  readonly #byId = new Map<number, Bytes>();
  #total = 0;
  #large = 0;

  constructor(limits: HeldLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Bytes held. */
  get total(): Bytes {
    return this.#total;
  }

  /** Counts bytes that are about to be kept of an exchange; false when they must not be, and are not counted. */
  take(id: number, bytes: Bytes): boolean {
    const before = this.#byId.get(id) ?? 0;
    const large = this.#largePart(before + bytes) - this.#largePart(before);
    if (this.#total + bytes > this.#limits.totalBytes) return false;
    if (large > 0 && this.#large + large > this.#limits.largeBytes) return false;
    this.#byId.set(id, before + bytes);
    this.#total += bytes;
    this.#large += large;
    return true;
  }

  /** Nothing is kept of the exchange any more. */
  release(id: number): void {
    const bytes = this.#byId.get(id);
    if (bytes === undefined) return;
    this.#byId.delete(id);
    this.#total -= bytes;
    this.#large -= this.#largePart(bytes);
  }

  #largePart(bytes: Bytes): Bytes {
    return Math.max(0, bytes - this.#limits.smallBytes);
  }
}
