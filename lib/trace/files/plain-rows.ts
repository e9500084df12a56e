import type { Tokens } from "../../base/index.js";
import type { TraceRecord } from "../trace.js";
import { skipSpace } from "./number-arrays.js";
import { isPlausible } from "./possible-counts.js";
import {
  blockHashes,
  itlMs,
  itlTokens,
  outputBlockHashes,
  outputTokenIds,
  type RowArrays,
  tailBlockHash,
} from "./row-arrays.js";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** How the value of a field is read; an array by its position among the row's arrays. */
type Kind = "count" | "ms" | "text" | "summary" | { readonly array: number };

/** Fields of a plain row by their wire name; the order gives each its number. */
const kinds = {
  prompt_tokens: "count",
  cached_tokens: "count",
  output_tokens: "count",
  ttft_ms: "ms",
  itl_ms: { array: itlMs },
  itl_tokens: { array: itlTokens },
  itl_summary: "summary",
  concurrency: "count",
  arrival_ms: "ms",
  block_hashes: { array: blockHashes },
  output_block_hashes: { array: outputBlockHashes },
  tail_block_hash: { array: tailBlockHash },
  output_token_ids: { array: outputTokenIds },
  finish_reason: "text",
  elapsed_ms: "ms",
  request_id: "text",
  session: "text",
  turn: "count",
  session_source: "text",
  agent: "text",
} as const satisfies Record<string, Kind>;

type Field = keyof typeof kinds;
const names = Object.keys(kinds) as Field[];
const number = Object.fromEntries(names.map((name, n) => [name, n])) as Record<Field, number>;
const kindOf: readonly Kind[] = Object.values(kinds);
const namesInBytes = names.map((name) => Uint8Array.from(Buffer.from(name)));

const quote = 0x22;
const comma = 0x2c;
const point = 0x2e;
const zero = 0x30;
const colon = 0x3a;
const bracketOpen = 0x5b;
const backslash = 0x5c;
const braceOpen = 0x7b;
const braceClose = 0x7d;

/** A count of so many digits is below 2^31. */
const countDigits = 9;
/** A number of so many digits is exact in a double, and so is its quotient by a power of ten, rounded once (Clinger 1990). */
const exactDigits = 15;
const powersOfTen = Float64Array.from({ length: exactDigits + 1 }, (_, k) => Number(`1e${k}`));

const meanName = Uint8Array.from(Buffer.from("mean_ms"));
const countName = Uint8Array.from(Buffer.from("count"));

/**
 * Reads rows that hold nothing unusual from their bytes, without the detour over JSON.parse: known fields, each once,
 * with values of the right kind and size, texts of ASCII without escapes. Anything else is not plain, right or wrong: it
 * is left to `RecordParser.record`, which reads it or says what is wrong.
 */
export class PlainRows {
  readonly #arrays: RowArrays;
  readonly #numbers = new Float64Array(names.length);
  readonly #texts: string[] = names.map(() => "");
  /** The fields of the last row, in their order: those of the next one mostly are the same. */
  readonly #expected: number[] = [];
  #seen = 0;
  #at = 0;
  #meanMs = 0;
  #gaps = 0;

  constructor(arrays: RowArrays) {
    this.#arrays = arrays;
  }

  /** The record of the line from `start` up to `end`; undefined where it is not plain. */
  read(bytes: Buffer, start: number, end: number, blockSize: Tokens): TraceRecord | undefined {
    return this.#scan(bytes, start, end) ? this.#record(blockSize) : undefined;
  }

  #scan(bytes: Buffer, start: number, end: number): boolean {
    const { digest } = this.#arrays;
    this.#arrays.reset();
    this.#seen = 0;
    if (bytes[start] !== braceOpen) return false;
    let textStart = start;
    let p = skipSpace(bytes, start + 1, end);
    for (let nth = 0; ; nth++) {
      if (bytes[p] !== quote) return false;
      const field = this.#fieldAt(bytes, p + 1, nth);
      if (field < 0 || this.#seen & (1 << field)) return false;
      this.#seen |= 1 << field;
      p += namesInBytes[field].length + 2;
      if (bytes[p] !== colon) return false;
      p = skipSpace(bytes, p + 1, end);
      const kind = kindOf[field];
      if (typeof kind === "object") {
        if (bytes[p] !== bracketOpen) return false;
        digest.addBytes(bytes, textStart, p);
        p = textStart = this.#arrays.read(kind.array, bytes, p, end);
      } else if (!this.#value(kind, field, bytes, p)) return false;
      else p = this.#at;
      p = skipSpace(bytes, p, end);
      if (bytes[p] === braceClose) break;
      if (bytes[p] !== comma || p >= end) return false;
      p = skipSpace(bytes, p + 1, end);
    }
    if (skipSpace(bytes, p + 1, end) !== end) return false;
    digest.addBytes(bytes, textStart, end);
    return true;
  }

  #fieldAt(bytes: Buffer, at: number, nth: number): number {
    const expected = this.#expected[nth];
    if (expected !== undefined && isName(bytes, at, namesInBytes[expected])) return expected;
    for (let field = 0; field < names.length; field++)
      if (isName(bytes, at, namesInBytes[field])) {
        this.#expected[nth] = field;
        return field;
      }
    return -1;
  }

  /** Reads a value; the position behind it is then in `#at`. */
  #value(kind: Exclude<Kind, object>, field: number, bytes: Buffer, at: number): boolean {
    if (kind === "text") return this.#text(field, bytes, at);
    if (kind === "summary") return this.#summary(bytes, at);
    const value = kind === "count" ? this.#count(bytes, at) : this.#ms(bytes, at);
    this.#numbers[field] = value;
    return value >= 0;
  }

  #text(field: number, bytes: Buffer, at: number): boolean {
    if (bytes[at] !== quote) return false;
    let p = at + 1;
    for (; bytes[p] !== quote; p++) {
      const byte = bytes[p];
      if (!(byte >= 0x20 && byte < 0x80) || byte === backslash) return false;
    }
    this.#at = p + 1;
    // The same as in the row before, mostly.
    if (field === number.finish_reason && isText(bytes, at + 1, p, this.#texts[field])) return true;
    this.#texts[field] = bytes.toString("latin1", at + 1, p);
    return true;
  }

  /** {"mean_ms": number, "count": number}, in this order. */
  #summary(bytes: Buffer, at: number): boolean {
    if (bytes[at] !== braceOpen || bytes[at + 1] !== quote || !isName(bytes, at + 2, meanName)) return false;
    let p = at + meanName.length + 3;
    if (bytes[p] !== colon) return false;
    this.#meanMs = this.#ms(bytes, bytes[p + 1] === 0x20 ? p + 2 : p + 1);
    p = this.#at;
    if (this.#meanMs < 0 || bytes[p] !== comma) return false;
    p += bytes[p + 1] === 0x20 ? 2 : 1;
    if (bytes[p] !== quote || !isName(bytes, p + 1, countName)) return false;
    p += countName.length + 2;
    if (bytes[p] !== colon) return false;
    this.#gaps = this.#count(bytes, bytes[p + 1] === 0x20 ? p + 2 : p + 1);
    if (this.#gaps < 0 || bytes[this.#at] !== braceClose) return false;
    this.#at++;
    return true;
  }

  /** A count in decimal digits, -1 for anything else. */
  #count(bytes: Buffer, at: number): number {
    let p = at;
    let value = 0;
    let digit = bytes[p] - zero;
    while (digit >= 0 && digit <= 9) {
      value = ((value * 10) | 0) + digit;
      digit = bytes[++p] - zero;
    }
    const digits = p - at;
    if (digits === 0 || digits > countDigits || (digits > 1 && bytes[at] === zero)) return -1;
    this.#at = p;
    return value;
  }

  /** A number in decimal digits, with a point or without, -1 for anything else. */
  #ms(bytes: Buffer, at: number): number {
    let p = at;
    let value = 0;
    let digit = bytes[p] - zero;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = bytes[++p] - zero;
    }
    let digits = p - at;
    if (digits === 0 || (digits > 1 && bytes[at] === zero)) return -1;
    if (bytes[p] === point) {
      const first = p + 1;
      digit = bytes[++p] - zero;
      while (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digit = bytes[++p] - zero;
      }
      const decimals = p - first;
      digits += decimals;
      if (decimals === 0 || digits > exactDigits) return -1;
      value /= powersOfTen[decimals];
    }
    if (digits > exactDigits) return -1;
    this.#at = p;
    return value;
  }

  /** The record behind what was scanned, in the order of `RecordParser.record`; undefined where that would refuse it. */
  #record(blockSize: Tokens): TraceRecord | undefined {
    const numbers = this.#numbers;
    const texts = this.#texts;
    const has = (field: number) => (this.#seen & (1 << field)) !== 0;
    if (!has(number.prompt_tokens) || !has(number.output_tokens)) return undefined;
    const promptTokens = numbers[number.prompt_tokens];
    const outputTokens = numbers[number.output_tokens];
    if (!isPlausible(promptTokens, outputTokens)) return undefined;
    const record: Mutable<TraceRecord> = { promptTokens, outputTokens };
    if (has(number.cached_tokens)) {
      if (numbers[number.cached_tokens] > promptTokens) return undefined;
      record.cachedTokens = numbers[number.cached_tokens];
    }
    if (has(number.arrival_ms)) record.arrivalMs = numbers[number.arrival_ms];
    if (has(number.ttft_ms)) record.ttftMs = numbers[number.ttft_ms];
    const { values } = this.#arrays;
    if (has(number.itl_ms)) record.itlMs = values[itlMs] as Float64Array;
    if (has(number.itl_tokens)) {
      const tokens = values[itlTokens] as Int32Array;
      if (tokens.length !== record.itlMs?.length || sum(tokens) > outputTokens) return undefined;
      record.itlTokens = tokens;
    }
    if (has(number.itl_summary)) record.itlSummary = { meanMs: this.#meanMs, count: this.#gaps };
    if (has(number.concurrency)) record.concurrency = numbers[number.concurrency];
    let blocks = 0;
    if (has(number.block_hashes)) {
      const prompt = values[blockHashes] as Int32Array;
      blocks = prompt.length;
      if (blocks * blockSize > promptTokens) return undefined;
      record.blockIds = prompt;
    }
    if (has(number.tail_block_hash)) {
      const tail = values[tailBlockHash] as Int32Array;
      if (tail.length !== 1) return undefined;
      record.tailBlockId = tail[0];
    }
    if (has(number.output_block_hashes)) {
      const output = values[outputBlockHashes] as Int32Array;
      if ((blocks + output.length) * blockSize > promptTokens + outputTokens) return undefined;
      record.outputBlockIds = output;
    }
    if (has(number.output_token_ids)) record.outputTokenIds = values[outputTokenIds] as Int32Array;
    if (has(number.finish_reason)) record.finishReason = texts[number.finish_reason];
    if (has(number.elapsed_ms)) record.elapsedMs = numbers[number.elapsed_ms];
    if (has(number.request_id)) record.requestId = texts[number.request_id];
    if (has(number.session)) record.session = texts[number.session];
    if (has(number.turn)) {
      if (numbers[number.turn] < 1) return undefined;
      record.turn = numbers[number.turn];
    }
    if (has(number.session_source)) record.sessionSource = texts[number.session_source];
    if (has(number.agent)) record.agent = texts[number.agent];
    return record;
  }
}

/** Whether a name and the quote behind it stand at `at`. */
function isName(bytes: Buffer, at: number, name: Uint8Array): boolean {
  const { length } = name;
  if (bytes[at + length] !== quote) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}

function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

function sum(counts: Int32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
