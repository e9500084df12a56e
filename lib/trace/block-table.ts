/**
 * Dense ids for block hashes. A hash is a u64 on the wire, which a double cannot hold, so it is kept as two
 * 32-bit halves and stands as one int32 inside: chains become Int32Arrays, equality of blocks an integer compare.
 * Open addressing with linear probing; at most half full.
 */
export class BlockTable {
  #high: Uint32Array = new Uint32Array(1024);
  #low: Uint32Array = new Uint32Array(1024);
  #slots: Int32Array = new Int32Array(2048).fill(-1);
  #size = 0;

  /** How many distinct hashes have been seen: ids run from 0 to size - 1. */
  get size(): number {
    return this.#size;
  }

  /** The id of a hash given as its upper and lower 32 bits; a new id when it is new. */
  intern(high: number, low: number): number {
    const h = high >>> 0;
    const l = low >>> 0;
    const mask = this.#slots.length - 1;
    let slot = mix(h, l) & mask;
    for (;;) {
      const id = this.#slots[slot] as number;
      if (id < 0) return this.#insert(slot, h, l);
      if (this.#low[id] === l && this.#high[id] === h) return id;
      slot = (slot + 1) & mask;
    }
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
    return this.#high[id] as number;
  }

  /** Lower 32 bits of the hash behind an id. */
  low(id: number): number {
    return this.#low[id] as number;
  }

  /** The hash behind an id in decimal digits, as the wire has it. */
  text(id: number): string {
    const high = this.#high[id] as number;
    const low = this.#low[id] as number;
    if (high < 0x200000) return String(high * 4294967296 + low);
    return ((BigInt(high) << 32n) | BigInt(low)).toString();
  }

  #insert(slot: number, high: number, low: number): number {
    const id = this.#size++;
    if (id === this.#high.length) {
      this.#high = grown(this.#high);
      this.#low = grown(this.#low);
    }
    this.#high[id] = high;
    this.#low[id] = low;
    this.#slots[slot] = id;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#size; id++) {
      let slot = mix(this.#high[id] as number, this.#low[id] as number) & mask;
      while ((slots[slot] as number) >= 0) slot = (slot + 1) & mask;
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

function mix(high: number, low: number): number {
  let h = Math.imul(low ^ (high >>> 15), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ high, 0x85ebca77);
  return (h ^ (h >>> 13)) >>> 0;
}
