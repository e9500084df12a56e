import { RowError } from "./row-error.js";

const bracketOpen = 0x5b;
const bracketClose = 0x5d;
const comma = 0x2c;
const zero = 0x30;

/** Ten to the power of the index: exact in a double up to 22. */
const powersOfTen = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/**
 * Reads JSON arrays of numbers straight from the bytes of a line into reused typed arrays: faster than JSON.parse,
 * and exact for 64-bit integers, which JSON.parse rounds. After a call the values are in `doubles`, `ints`, or
 * `highs` and `lows` up to `length`, and `position` is behind the closing bracket.
 */
export class NumberArrays {
  doubles: Float64Array = new Float64Array(4096);
  ints: Int32Array = new Int32Array(4096);
  highs: Uint32Array = new Uint32Array(4096);
  lows: Uint32Array = new Uint32Array(4096);
  length = 0;
  position = 0;

  /**
   * Array of unsigned 64-bit integers in decimal digits.
   * @throws RowError when an element is anything else
   */
  readHashes(bytes: Buffer, start: number, end: number, field: string): void {
    let p = this.#open(bytes, start, end);
    let n = 0;
    while (p >= 0) {
      if (n === this.lows.length) {
        this.highs = doubled(this.highs, new Uint32Array(n * 2));
        this.lows = doubled(this.lows, new Uint32Array(n * 2));
      }
      const first = p;
      let leading = 0;
      let trailing = 0;
      let c = (bytes[p] as number) - zero;
      const split = p + 10;
      while (c >= 0 && c <= 9 && p < split) {
        leading = leading * 10 + c;
        c = (bytes[++p] as number) - zero;
      }
      while (c >= 0 && c <= 9) {
        trailing = trailing * 10 + c;
        c = (bytes[++p] as number) - zero;
      }
      const digits = p - first;
      if (digits === 0 || digits > 20 || (digits > 1 && bytes[first] === zero))
        throw badElement(bytes, first, end, field, n, "an unsigned 64-bit integer");
      if (digits <= 10) {
        this.highs[n] = Math.floor(leading / 4294967296);
        this.lows[n] = leading;
      } else {
        // leading * 10^(digits - 10) + trailing, in halves that stay below 2^53.
        const power = powersOfTen[digits - 10] as number;
        const top = Math.floor(leading / 65536) * power;
        const sum = (leading % 65536) * power + trailing;
        const low = (top % 65536) * 65536 + sum;
        const high = Math.floor(top / 65536) + Math.floor(low / 4294967296);
        if (high > 0xffffffff) throw badElement(bytes, first, end, field, n, "an unsigned 64-bit integer");
        this.highs[n] = high;
        this.lows[n] = low % 4294967296;
      }
      p = this.#next(bytes, p, end, field, ++n, "an unsigned 64-bit integer");
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
      let c = (bytes[p] as number) - zero;
      while (c >= 0 && c <= 9) {
        value = value * 10 + c;
        c = (bytes[++p] as number) - zero;
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
      if (n === this.doubles.length) this.doubles = doubled(this.doubles, new Float64Array(n * 2));
      const first = p;
      let mantissa = 0;
      let c = (bytes[p] as number) - zero;
      while (c >= 0 && c <= 9) {
        mantissa = mantissa * 10 + c;
        c = (bytes[++p] as number) - zero;
      }
      let digits = p - first;
      if (digits === 0) throw badElement(bytes, first, end, field, n, doubleKind);
      if (c === -2) {
        const point = p;
        c = (bytes[++p] as number) - zero;
        while (c >= 0 && c <= 9) {
          mantissa = mantissa * 10 + c;
          c = (bytes[++p] as number) - zero;
        }
        const fraction = p - point - 1;
        if (fraction === 0) throw badElement(bytes, first, end, field, n, doubleKind);
        digits += fraction;
        if (fraction <= 22) mantissa /= powersOfTen[fraction] as number;
      }
      const next = bytes[p] as number;
      if (digits > 15 || (next !== comma && next !== bracketClose)) {
        this.#finishDoubles(bytes, first, end, field, n);
        return;
      }
      this.doubles[n++] = mantissa;
      p = next === bracketClose ? this.#close(p) : skipSpace(bytes, p + 1, end);
    }
    this.length = n;
  }

  #finishDoubles(bytes: Buffer, start: number, end: number, field: string, from: number): void {
    const close = bytes.indexOf(bracketClose, start);
    if (close < 0 || close >= end) throw badElement(bytes, start, end, field, from, doubleKind);
    let values: unknown[];
    try {
      values = JSON.parse(`[${bytes.toString("latin1", start, close)}]`) as unknown[];
    } catch {
      throw new RowError(firstBadNumber(bytes.toString("latin1", start, close), field, from));
    }
    let n = from;
    while (n + values.length > this.doubles.length)
      this.doubles = doubled(this.doubles, new Float64Array(this.doubles.length * 2));
    for (const value of values) {
      if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY))
        throw new RowError(`${field}[${n}] must be ${doubleKind}, got ${JSON.stringify(value)}`);
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

const intKind = "an integer from 0 to 2147483647";
const doubleKind = "a finite number >= 0";

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
  while (start > 0 && !isBreak(bytes[start - 1] as number)) start--;
  let stop = at;
  while (stop < end && stop < start + 40 && !isBreak(bytes[stop] as number)) stop++;
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
