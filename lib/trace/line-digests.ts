const maxTracked = 1 << 22;

/**
 * Remembers a 53-bit digest of every line, for finding lines that repeat byte for byte: 8 to 16 bytes a line, up to
 * four million lines. Two different lines out of four million share a digest with probability 0.001.
 */
export class LineDigests {
  #slots = new Float64Array(4096);
  #count = 0;

  /** Whether a line with these bytes came before. Always false beyond the first four million lines. */
  seenBefore(bytes: Buffer, start: number, end: number): boolean {
    const digest = digestOf(bytes, start, end);
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

/** Two multiplicative 32-bit hashes over alternate words, joined to an integer from 1 to 2^53 - 1. */
function digestOf(bytes: Buffer, start: number, end: number): number {
  let a = end - start;
  let b = 0x9e3779b9;
  let p = start;
  for (; p + 8 <= end; p += 8) {
    a = Math.imul(a ^ word(bytes, p), 0x85ebca6b);
    b = Math.imul(b ^ word(bytes, p + 4), 0xc2b2ae35);
    a ^= a >>> 15;
    b ^= b >>> 13;
  }
  for (; p < end; p++) a = Math.imul(a ^ (bytes[p] as number), 0x01000193);
  a = Math.imul(a ^ (b >>> 16), 0x7feb352d);
  b = Math.imul(b ^ (a >>> 15), 0x846ca68b);
  return ((a ^ (a >>> 14)) >>> 0) * 2097152 + (b >>> 11) || 1;
}

function word(bytes: Buffer, p: number): number {
  return (
    (bytes[p] as number) |
    ((bytes[p + 1] as number) << 8) |
    ((bytes[p + 2] as number) << 16) |
    ((bytes[p + 3] as number) << 24)
  );
}
