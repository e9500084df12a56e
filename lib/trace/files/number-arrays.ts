import { describeValue } from "../../base/index.js";
import { latestClockMs } from "../row-checks.js";
import { RowError } from "../row-error.js";

const bracketOpen = 0x5b;
const bracketClose = 0x5d;
const comma = 0x2c;
const zero = 0x30;

/** Ten to the power of the index: exact in a double up to 22. */
const powersOfTen = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/** The value of a digit's byte; 255 for any other byte, and undefined, which compares as no digit, for none. */
const digitOf = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 10; digit++) digitOf[zero + digit] = digit;

/**
 * Reads JSON arrays of numbers straight from the bytes of a line into reused typed arrays: faster than JSON.parse,
 * and exact for 64-bit integers, which JSON.parse rounds. After a call the values are in `doubles`, `ints`, or
 * `highs` and `lows` up to `length`, and `position` is behind the closing bracket.
 */
export class NumberArrays {
  doubles: Float64Array = new Float64Array(4096);
  /** The bits of `doubles`, two integers each. */
  doubleBits: Int32Array = new Int32Array(this.doubles.buffer);
  ints: Int32Array = new Int32Array(4096);
  highs: Uint32Array = new Uint32Array(4096);
  lows: Uint32Array = new Uint32Array(4096);
  length = 0;
  position = 0;
  /** The bytes that were read last, four at a time. */
  #bytes: Buffer | undefined;
  #words: DataView = new DataView(new ArrayBuffer(0));

  /**
   * Array of unsigned 64-bit integers in decimal digits.
   * @throws RowError when an element is anything else
   */
  readHashes(bytes: Buffer, start: number, end: number, field: string): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const words = this.#words;
    // Behind this a word would go beyond the line.
    const wordsEnd = end - 16;
    let p = this.#open(bytes, start, end);
    let n = 0;
    while (p >= 0) {
      if (n === this.lows.length) {
        this.highs = doubled(this.highs, new Uint32Array(n * 2));
        this.lows = doubled(this.lows, new Uint32Array(n * 2));
      }
      const first = p;
      if (
        p <= wordsEnd &&
        areDigits(words, p) &&
        areDigits(words, p + 4) &&
        areDigits(words, p + 8) &&
        areDigits(words, p + 12)
      )
        p += 16;
      while (digitOf[bytes[p]] < 10) p++;
      const digits = p - first;
      if (digits > 16 && digits <= 20 && bytes[first] !== zero) {
        // top * 10^16 + middle * 10^8 + bottom, in parts that stay below 2^53.
        let top = 0;
        for (let q = first; q < p - 16; q++) top = ((top * 10) | 0) + bytes[q] - zero;
        const upper = top * 1e8 + eightDigits(words, p - 16);
        const upperHigh = Math.floor(upper / 65536);
        const scaled = upperHigh * 1e8;
        const high = Math.floor(scaled / 65536);
        const low =
          (scaled - high * 65536) * 65536 + (upper - upperHigh * 65536) * 1e8 + eightDigits(words, p - 8);
        const carried = high + Math.floor(low / 4294967296);
        if (carried > 0xffffffff) throw badElement(bytes, first, end, field, n, hashKind);
        this.highs[n] = carried;
        this.lows[n] = low;
      } else {
        if (digits === 0 || digits > 20 || (digits > 1 && bytes[first] === zero))
          throw badElement(bytes, first, end, field, n, hashKind);
        // Sixteen digits can exceed 2^53, so the last eight join only where the value is split in two.
        const split = Math.max(first, p - 8);
        let top = 0;
        for (let q = first; q < split; q++) top = top * 10 + bytes[q] - zero;
        let bottom = 0;
        for (let q = split; q < p; q++) bottom = ((bottom * 10) | 0) + bytes[q] - zero;
        const scaled = top * 390625;
        const high = Math.floor(scaled / 16777216);
        const low = (scaled - high * 16777216) * 256 + bottom;
        this.highs[n] = high + Math.floor(low / 4294967296);
        this.lows[n] = low;
      }
      p = this.#next(bytes, p, end, field, ++n, hashKind);
    }
    this.length = n;
  }

  /**
   * Array of integers from 0 to 2^31 - 1.
   * @throws RowError when an element is anything else
   */
  readInts(bytes: Buffer, start: number, end: number, field: string): void {
    let p = this.#open(bytes, start, end);
    let n = 0;
    while (p >= 0) {
      if (n === this.ints.length) this.ints = doubled(this.ints, new Int32Array(n * 2));
      const first = p;
      let value = 0;
      let c = bytes[p] - zero;
      while (c >= 0 && c <= 9) {
        value = value * 10 + c;
        c = bytes[++p] - zero;
      }
      if (p === first || value > 0x7fffffff) throw badElement(bytes, first, end, field, n, intKind);
      this.ints[n] = value;
      p = this.#next(bytes, p, end, field, ++n, intKind);
    }
    this.length = n;
  }

  /**
   * Array of finite numbers, none negative. Up to 15 digits are exact in a double, and so is their quotient by a
   * power of ten, rounded once (Clinger 1990); from the first longer number on, JSON.parse reads the rest.
   * @throws RowError when an element is anything else
   */
  readDoubles(bytes: Buffer, start: number, end: number, field: string): void {
    let p = this.#open(bytes, start, end);
    let n = 0;
    while (p >= 0) {
      if (n === this.doubles.length) this.#growDoubles();
      const first = p;
      let c = digitOf[bytes[p]];
      let mantissa = 0;
      while (c < 10) {
        mantissa = mantissa * 10 + c;
        c = digitOf[bytes[++p]];
      }
      let digits = p - first;
      if (digits === 0) throw badElement(bytes, first, end, field, n, doubleKind);
      if (bytes[p] === 0x2e) {
        const point = p;
        let part = 0;
        c = digitOf[bytes[++p]];
        while (c < 10 && p < point + 9) {
          part = ((part * 10) | 0) + c;
          c = digitOf[bytes[++p]];
        }
        const partDigits = p - point - 1;
        if (partDigits === 0) throw badElement(bytes, first, end, field, n, doubleKind);
        mantissa = mantissa * powersOfTen[partDigits] + part;
        while (c < 10) {
          mantissa = mantissa * 10 + c;
          c = digitOf[bytes[++p]];
        }
        const fraction = p - point - 1;
        digits += fraction;
        if (fraction <= 22) mantissa /= powersOfTen[fraction];
      }
      const next = bytes[p];
      if (digits > 15 || (next !== comma && next !== bracketClose)) {
        this.#finishDoubles(bytes, n === 0 ? start : first, end, field, n);
        return;
      }
      this.doubles[n++] = mantissa;
      p = next === bracketClose ? this.#close(p) : skipSpace(bytes, p + 1, end);
    }
    this.length = n;
  }

  #growDoubles(): void {
    this.doubles = doubled(this.doubles, new Float64Array(this.doubles.length * 2));
    this.doubleBits = new Int32Array(this.doubles.buffer);
  }

  #finishDoubles(bytes: Buffer, start: number, end: number, field: string, from: number): void {
    const close = bytes.indexOf(bracketClose, start);
    if (close < 0 || close >= end) throw badElement(bytes, start, end, field, from, doubleKind);
    const text = bytes.toString("latin1", start, close + 1);
    let values: unknown[];
    try {
      values = JSON.parse(from === 0 ? text : `[${text}`) as unknown[];
    } catch {
      throw new RowError(firstBadNumber(text.replace("[", "").slice(0, -1), field, from));
    }
    let n = from;
    while (n + values.length > this.doubles.length) this.#growDoubles();
    for (const value of values) {
      if (typeof value !== "number" || !(value >= 0 && value <= latestClockMs))
        throw new RowError(`${field}[${n}] must be ${doubleKind}, got ${describeValue(value)}`);
      this.doubles[n++] = value;
    }
    this.length = n;
    this.position = close + 1;
  }

  /** The position of the first element, or -1 for an empty array. */
  #open(bytes: Buffer, start: number, end: number): number {
    const p = skipSpace(bytes, start + 1, end);
    return bytes[start] === bracketOpen && bytes[p] === bracketClose && p < end ? this.#close(p) : p;
  }

  #close(p: number): number {
    this.position = p + 1;
    return -1;
  }

  #next(bytes: Buffer, at: number, end: number, field: string, n: number, kind: string): number {
    let p = at;
    if (bytes[p] !== comma && bytes[p] !== bracketClose) p = skipSpace(bytes, p, end);
    if (p < end) {
      if (bytes[p] === comma) return skipSpace(bytes, p + 1, end);
      if (bytes[p] === bracketClose) return this.#close(p);
    }
    throw badElement(bytes, at, end, field, n - 1, kind);
  }
}

const hashKind = "an unsigned 64-bit integer";
const intKind = "an integer from 0 to 2147483647";
const doubleKind = "a finite number >= 0";

/** Whether four bytes are digits: each differs from "0" by no more than nine, which no seven bits with 118 added carry. */
function areDigits(words: DataView, p: number): boolean {
  const word = words.getInt32(p, true) ^ 0x30303030;
  return ((word | ((word & 0x7f7f7f7f) + 0x76767676)) & 0x80808080) === 0;
}

/** The number behind eight digits: pairs of digits side by side in one word, then pairs of pairs. */
function eightDigits(words: DataView, p: number): number {
  return fourDigits(words, p) * 10000 + fourDigits(words, p + 4);
}

function fourDigits(words: DataView, p: number): number {
  const digits = words.getInt32(p, true) & 0x0f0f0f0f;
  const pairs = (Math.imul(digits, 2561) >>> 8) & 0x00ff00ff;
  return Math.imul(pairs, 6553601) >>> 16;
}

function doubled<T extends Float64Array | Int32Array | Uint32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

/** The first position from `p` on that holds no JSON white space. */
export function skipSpace(bytes: Buffer, p: number, end: number): number {
  while (p < end && (bytes[p] === 0x20 || bytes[p] === 0x09 || bytes[p] === 0x0d)) p++;
  return p;
}

function badElement(
  bytes: Buffer,
  at: number,
  end: number,
  field: string,
  index: number,
  kind: string,
): RowError {
  let start = at;
  while (start > 0 && !isBreak(bytes[start - 1])) start--;
  let stop = at;
  while (stop < end && stop < start + 40 && !isBreak(bytes[stop])) stop++;
  if (stop === end) return new RowError(`${field} is not closed: the line is cut`);
  return new RowError(
    `${field}[${index}] must be ${kind}, got ${bytes.toString("utf8", start, stop) || "nothing"}`,
  );
}

function isBreak(byte: number): boolean {
  return byte === comma || byte === bracketOpen || byte === bracketClose || byte === 0x20;
}

function firstBadNumber(text: string, field: string, from: number): string {
  const parts = text.split(",");
  const bad = parts.findIndex((part) => !/^\s*-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?\s*$/.test(part));
  const shown = (parts[bad] ?? "").trim().slice(0, 40) || "nothing";
  return `${field}[${from + Math.max(0, bad)}] must be ${doubleKind}, got ${shown}`;
}
