const maxTracked = 1 << 22;

/**
 * A running 53-bit digest of a row: of its text with the long arrays taken out, and of the arrays' values. Equal rows
 * have equal digests; two different ones out of four million share a digest with probability 0.001.
 */
export class RowDigest {
  #a = 0;
  #b = 0;
  /** The bytes that were taken in last, four at a time. */
  #bytes: Uint8Array | undefined;
  #words: DataView = new DataView(new ArrayBuffer(0));

  /** Starts over, for the next row. */
  reset(): void {
    this.#a = 0x2545f491;
    this.#b = 0x9e3779b9 | 0;
  }

  /** Takes in a text. */
  addText(text: string): void {
    let a = this.#a ^ text.length;
    let b = this.#b;
    for (let i = 0; i < text.length; i++) {
      a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
      if ((i & 3) === 3) {
        b = Math.imul(b ^ a, 0xc2b2ae35 | 0);
        b ^= b >>> 15;
      }
    }
    this.#a = a;
    this.#b = Math.imul(b ^ a, 0x85ebca6b | 0);
  }

  /** Takes in bytes from `start` up to, not including, `end`. */
  addBytes(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const words = this.#words;
    let a = this.#a ^ (end - start);
    let b = this.#b;
    let p = start;
    for (; p + 3 < end; p += 4) {
      a = Math.imul(a ^ words.getInt32(p, true), 0x9e3779b1 | 0);
      b = Math.imul(b ^ a ^ (a >>> 15), 0xc2b2ae35 | 0);
    }
    for (; p < end; p++) a = Math.imul(a ^ bytes[p], 0x01000193);
    this.#a = a ^ (a >>> 15);
    this.#b = Math.imul(b ^ a, 0x85ebca6b | 0) ^ (b >>> 13);
  }

  /** Takes in 32-bit integers; the bits of doubles too, through a view of their buffer. */
  addInts(values: Int32Array | Uint32Array, length: number): void {
    let a = this.#a ^ length;
    let b = this.#b;
    for (let i = 0; i < length; i++) {
      const value = values[i];
      a = Math.imul(a ^ value, 0x01000193);
      b = Math.imul(b ^ (value >>> 7) ^ value, 0xc2b2ae35 | 0) + i;
    }
    this.#a = a ^ (a >>> 15);
    this.#b = b ^ (b >>> 13);
  }

  /** The digest as an integer from 1 to 2^53 - 1. */
  value(): number {
    let a = Math.imul(this.#a ^ (this.#b >>> 16), 0x7feb352d);
    const b = Math.imul(this.#b ^ (a >>> 15), 0x846ca68b | 0);
    a ^= a >>> 14;
    return (a >>> 0) * 2097152 + (b >>> 11) || 1;
  }
}

/** Remembers the digests of rows, 8 to 16 bytes each, up to four million. */
export class DigestSet {
  #slots = new Float64Array(4096);
  #count = 0;

  /** Whether this digest came before. Always false for new ones beyond the first four million. */
  seenBefore(digest: number): boolean {
    let mask = this.#slots.length - 1;
    let slot = digest & mask;
    for (let seen = this.#slots[slot]; seen !== 0; seen = this.#slots[slot]) {
      if (seen === digest) return true;
      slot = (slot + 1) & mask;
    }
    if (this.#count === maxTracked) return false;
    this.#slots[slot] = digest;
    if (++this.#count * 2 <= this.#slots.length) return false;
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 2);
    mask = this.#slots.length - 1;
    for (const moved of old) {
      if (moved === 0) continue;
      slot = moved & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = moved;
    }
    return false;
  }
}
