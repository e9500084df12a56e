/**
 * Dense ids for block hashes. A hash is a u64 on the wire, which a double cannot hold, so it is kept as two
 * 32-bit halves and stands as one int32 inside: chains become Int32Arrays, equality of blocks an integer compare.
 * Open addressing with linear probing; at most half full.
 * @example
 * ```ts
 * import { BlockTable } from "prefixlab/trace";
 * const blocks = new BlockTable();
 * const id = blocks.internBigInt(15_124_091_327_655_142_811n);
 * blocks.text(id); // → "15124091327655142811"
 * [id, blocks.internBigInt(15_124_091_327_655_142_811n), blocks.size]; // → [0, 0, 1]
 * ```
 */
export class BlockTable {
  /** Upper half of id's hash at 2 id, lower half at 2 id + 1: side by side, a look-up misses the cache once less. */
  #halves: Uint32Array = new Uint32Array(2048);
  #slots: Int32Array = new Int32Array(2048).fill(-1);
  #size = 0;
  #generation = 0;

  /** How many distinct hashes have been seen: ids run from 0 to size - 1. */
  get size(): number {
    return this.#size;
  }

  /** How often it was emptied: ids of one generation mean nothing in the next. */
  get generation(): number {
    return this.#generation;
  }

  /** Forgets all hashes; ids given before mean nothing any more. */
  clear(): void {
    this.#size = 0;
    this.#generation++;
    this.#slots.fill(-1);
  }

  /** The id of a hash given as its upper and lower 32 bits; a new id when it is new. */
  intern(high: number, low: number): number {
    const h = high >>> 0;
    const l = low >>> 0;
    const mask = this.#slots.length - 1;
    let slot = mix(h, l) & mask;
    for (;;) {
      const id = this.#slots[slot];
      if (id < 0) return this.#insert(slot, h, l);
      if (this.#halves[2 * id + 1] === l && this.#halves[2 * id] === h) return id;
      slot = (slot + 1) & mask;
    }
  }

  /**
   * The ids of a chain of hashes, into `ids`. Blocks that follow each other in one chain mostly got ids that follow
   * each other, so the id after the last one is tried before the hash is looked up.
   */
  internChain(highs: Uint32Array, lows: Uint32Array, ids: Int32Array): void {
    let halves = this.#halves;
    let next = this.#size;
    for (let i = 0; i < ids.length; i++) {
      const high = highs[i];
      const low = lows[i];
      if (next < this.#size && halves[2 * next + 1] === low && halves[2 * next] === high) ids[i] = next++;
      else {
        const id = this.intern(high, low);
        halves = this.#halves;
        ids[i] = id;
        next = id + 1;
      }
    }
  }

  /** The ids here of a chain whose ids are another table's. */
  internFrom(other: BlockTable, chain: Int32Array): Int32Array {
    const ids = new Int32Array(chain.length);
    this.internChain(
      Uint32Array.from(chain, (id) => other.high(id)),
      Uint32Array.from(chain, (id) => other.low(id)),
      ids,
    );
    return ids;
  }

  /** The id of a hash given as a bigint from 0 to 2^64 - 1. */
  internBigInt(hash: bigint): number {
    return this.intern(Number((hash >> 32n) & 0xffffffffn), Number(hash & 0xffffffffn));
  }

  /** A fresh id that no hash of the trace has: for blocks known to be shared with nothing. */
  internFresh(): number {
    const id = this.#size;
    // The upper half all ones and a running number below: a clash with a real 64-bit hash ends the search.
    for (let low = id; ; low++) {
      if (this.intern(0xffffffff, low) === id) return id;
    }
  }

  /** Upper 32 bits of the hash behind an id. */
  high(id: number): number {
    return this.#halves[2 * id];
  }

  /** Lower 32 bits of the hash behind an id. */
  low(id: number): number {
    return this.#halves[2 * id + 1];
  }

  /** The hash behind an id in decimal digits, as the wire has it. */
  text(id: number): string {
    return u64Text(this.#halves[2 * id], this.#halves[2 * id + 1]);
  }

  #insert(slot: number, high: number, low: number): number {
    const id = this.#size++;
    if (2 * id === this.#halves.length) this.#halves = grown(this.#halves);
    this.#halves[2 * id] = high;
    this.#halves[2 * id + 1] = low;
    this.#slots[slot] = id;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * (this.#size < 1 << 19 ? 4 : 2)).fill(-1);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#size; id++) {
      let slot = mix(this.#halves[2 * id], this.#halves[2 * id + 1]) & mask;
      while (slots[slot] >= 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots = slots;
  }
}

function grown(old: Uint32Array): Uint32Array {
  const larger = new Uint32Array(old.length * 2);
  larger.set(old);
  return larger;
}

/** An unsigned 64-bit integer, given as its halves, in decimal digits. */
function u64Text(high: number, low: number): string {
  if (high < 0x200000) return String(high * 4294967296 + low);
  // Long division by 10^9 over 16-bit limbs, twice: remainders stay below 2^53.
  let quotient = Math.floor(high / 1e9);
  let rest = (high - quotient * 1e9) * 65536 + (low >>> 16);
  let digit = Math.floor(rest / 1e9);
  quotient = quotient * 65536 + digit;
  rest = (rest - digit * 1e9) * 65536 + (low & 0xffff);
  digit = Math.floor(rest / 1e9);
  quotient = quotient * 65536 + digit;
  return `${quotient}${String(rest - digit * 1e9).padStart(9, "0")}`;
}

function mix(high: number, low: number): number {
  let h = Math.imul(low ^ (high >>> 15), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ high, 0x85ebca77);
  return (h ^ (h >>> 13)) >>> 0;
}
