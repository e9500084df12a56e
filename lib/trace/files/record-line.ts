import { describeValue, isJsonObject, type Tokens } from "../../base/index.js";
import type { BlockTable } from "../block-table.js";
import { checkedInt, checkedMs, checkedString } from "../row-checks.js";
import { RowError } from "../row-error.js";
import type { JsonValue, TraceRecord } from "../trace.js";
import { skipSpace } from "./number-arrays.js";
import { setOrigin } from "./origin-fields.js";
import { finiteOnly, type LenientJson, parseLenientJson } from "./parse-json.js";
import { PlainRows } from "./plain-rows.js";
import { requirePossibleCounts } from "./possible-counts.js";
import {
  arrayFields,
  blockHashes,
  itlMs,
  itlTokens,
  numRunning,
  outputBlockHashes,
  outputTokenIds,
  prefillTokens,
  RowArrays,
  tailBlockHash,
} from "./row-arrays.js";

const knownFields = new Set([
  ...arrayFields.slice(0, numRunning),
  "prompt_tokens",
  "cached_tokens",
  "output_tokens",
  "ttft_ms",
  "itl_summary",
  "itl_ctx",
  "concurrency",
  "arrival_ms",
  "finish_reason",
  "elapsed_ms",
  "request_id",
  "session",
  "turn",
  "session_source",
  "agent",
  "parents",
  "replica",
  "messages",
  "messages_by",
]);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Json = Record<string, JsonValue | undefined>;

/**
 * Turns lines of the tap schema into records. The long arrays are read from the bytes by hand (block hashes into
 * the table, without rounding), everything else by JSON.parse, or by {@link PlainRows} where a row holds nothing unusual.
 * Reuses its buffers: one parser a file.
 */
export class RecordParser {
  readonly #arrays: RowArrays;
  readonly #plain: PlainRows;
  #hadNaN = false;
  #tooLarge: readonly string[] = [];

  constructor(blocks: BlockTable) {
    this.#arrays = new RowArrays(blocks);
    this.#plain = new PlainRows(this.#arrays);
  }

  /** The record of a line that is plain: `parse` and `record` give the same. Undefined for any other. */
  plainRecord(bytes: Buffer, start: number, end: number, blockSize: Tokens): TraceRecord | undefined {
    const record = this.#plain.read(bytes, start, end, blockSize);
    this.#hadNaN = false;
    this.#tooLarge = [];
    return record;
  }

  /** The JSON object of a line without its long arrays, which are kept aside for {@link record}. */
  parse(bytes: Buffer, start: number, end: number): Json {
    const { digest } = this.#arrays;
    this.#arrays.reset();
    let rest = "";
    let restStart = start;
    let inContext = false;
    let p = bytes[start] === 0x7b ? skipSpace(bytes, start + 1, end) : end;
    while (p < end && bytes[p] === 0x22) {
      const keyStart = p + 1;
      const keyEnd = skipString(bytes, p, end) - 1;
      p = skipSpace(bytes, keyEnd + 1, end);
      if (bytes[p] !== 0x3a) break;
      p = skipSpace(bytes, p + 1, end);
      const opener = bytes[p];
      if (opener === 0x5b) {
        const field = arrayFieldAt(bytes, keyStart, keyEnd, inContext);
        if (field >= 0) {
          rest += `${bytes.toString("utf8", restStart, p)}0`;
          p = restStart = this.#arrays.read(field, bytes, p, end);
        } else p = skipNested(bytes, p, end);
      } else if (opener === 0x7b) {
        if (!inContext && equalsAscii(bytes, keyStart, keyEnd, "itl_ctx")) {
          inContext = true;
          p = skipSpace(bytes, p + 1, end);
          if (bytes[p] === 0x22) continue;
        } else p = skipNested(bytes, p, end);
      } else if (opener === 0x22) p = skipString(bytes, p, end);
      else p = skipScalar(bytes, p, end);
      p = skipSpace(bytes, p, end);
      if (inContext && bytes[p] === 0x7d) {
        inContext = false;
        p = skipSpace(bytes, p + 1, end);
      }
      if (bytes[p] !== 0x2c) break;
      p = skipSpace(bytes, p + 1, end);
    }
    rest += bytes.toString("utf8", restStart, end);
    digest.addText(rest);
    const { value: parsed, hadNaN } = parseJson(rest);
    this.#hadNaN = hadNaN;
    this.#tooLarge = [];
    if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed))
      throw new RowError(`a row must be a JSON object, got ${describeValue(parsed)}`);
    return parsed as Json;
  }

  /** Whether NaN or an infinity stood for a value of the last line, which counts as missing. */
  get hadNaN(): boolean {
    return this.#hadNaN;
  }

  /** Fields of the last record that were left out: numbers beyond a double. */
  get tooLarge(): readonly string[] {
    return this.#tooLarge;
  }

  /** A number that rows with the same content share, and others practically never. */
  digest(): number {
    return this.#arrays.digest.value();
  }

  /**
   * The record behind what {@link parse} returned, checked field by field and against each other.
   * @throws RowError with the first thing that is wrong
   */
  record(json: Json, blockSize: Tokens): TraceRecord {
    const promptTokens = checkedInt("prompt_tokens", json.prompt_tokens);
    const outputTokens = checkedInt("output_tokens", json.output_tokens);
    if (promptTokens === undefined) throw new RowError("prompt_tokens is missing");
    if (outputTokens === undefined) throw new RowError("output_tokens is missing");
    const record: Mutable<TraceRecord> = { promptTokens, outputTokens };
    const cachedTokens = checkedInt("cached_tokens", json.cached_tokens);
    const isCachedPossible = cachedTokens === undefined || cachedTokens <= promptTokens;
    if (cachedTokens !== undefined && isCachedPossible) record.cachedTokens = cachedTokens;
    const arrivalMs = checkedMs("arrival_ms", json.arrival_ms);
    if (arrivalMs !== undefined) record.arrivalMs = arrivalMs;
    const ttftMs = checkedMs("ttft_ms", json.ttft_ms);
    if (ttftMs !== undefined) record.ttftMs = ttftMs;
    this.#setGaps(record, json);
    const concurrency = checkedInt("concurrency", json.concurrency);
    if (concurrency !== undefined) record.concurrency = concurrency;
    this.#setBlocks(record, json, blockSize);
    const ids = this.#array(outputTokenIds, json) as Int32Array | undefined;
    if (ids) record.outputTokenIds = ids;
    const finishReason = checkedString("finish_reason", json.finish_reason);
    if (finishReason !== undefined) record.finishReason = finishReason;
    const elapsedMs = checkedMs("elapsed_ms", json.elapsed_ms);
    if (elapsedMs !== undefined) record.elapsedMs = elapsedMs;
    setOrigin(record, json);
    requirePossibleCounts(record);
    const extra = this.#unknownFields(json);
    if (!isCachedPossible)
      record.extra = { ...extra, server_cached_tokens: extra?.server_cached_tokens ?? cachedTokens };
    else if (extra) record.extra = extra;
    return record;
  }

  #setGaps(record: Mutable<TraceRecord>, json: Json): void {
    const gaps = this.#array(itlMs, json) as Float64Array | undefined;
    const tokens = this.#array(itlTokens, json) as Int32Array | undefined;
    if (gaps) record.itlMs = gaps;
    if (tokens) {
      if (!gaps || gaps.length !== tokens.length)
        throw new RowError(
          `itl_tokens has ${tokens.length} entries but itl_ms has ${gaps ? gaps.length : "none"}`,
        );
      let sum = 0;
      for (const count of tokens) sum += count;
      if (sum > record.outputTokens)
        throw new RowError(`itl_tokens add up to ${sum}, more than output_tokens (${record.outputTokens})`);
      record.itlTokens = tokens;
    }
    const ctx = json.itl_ctx;
    if (ctx !== undefined && ctx !== null) {
      if (!isJsonObject(ctx)) throw new RowError(`itl_ctx must be an object, got ${describeValue(ctx)}`);
      const running = this.#array(numRunning, ctx) as Int32Array | undefined;
      const prefill = this.#array(prefillTokens, ctx) as Int32Array | undefined;
      if (!running || !prefill)
        throw new RowError("itl_ctx must hold the arrays num_running and prefill_tokens");
      if (running.length !== prefill.length || running.length !== (gaps?.length ?? -1))
        throw new RowError(
          `itl_ctx holds ${running.length} num_running and ${prefill.length} prefill_tokens ` +
            `but itl_ms has ${gaps ? gaps.length : "none"}`,
        );
      record.itlCtx = { numRunning: running, prefillTokens: prefill };
    }
    const summary = json.itl_summary;
    if (summary !== undefined && summary !== null) {
      if (!isJsonObject(summary))
        throw new RowError(`itl_summary must be an object, got ${describeValue(summary)}`);
      const meanMs = checkedMs("itl_summary.mean_ms", summary.mean_ms);
      const count = checkedInt("itl_summary.count", summary.count);
      if (meanMs === undefined || count === undefined)
        throw new RowError("itl_summary must hold mean_ms and count");
      record.itlSummary = { meanMs, count };
    }
  }

  #setBlocks(record: Mutable<TraceRecord>, json: Json, blockSize: Tokens): void {
    const prompt = this.#array(blockHashes, json) as Int32Array | undefined;
    const output = this.#array(outputBlockHashes, json) as Int32Array | undefined;
    if (prompt) {
      if (prompt.length * blockSize > record.promptTokens)
        throw new RowError(
          `block_hashes has ${prompt.length} entries: ${prompt.length} blocks of ${blockSize} tokens ` +
            `are more than prompt_tokens (${record.promptTokens})`,
        );
      record.blockIds = prompt;
    }
    const tail = this.#array(tailBlockHash, json) as Int32Array | undefined;
    if (tail) {
      if (tail.length !== 1) throw new RowError(`tail_block_hash must hold one hash, got ${tail.length}`);
      record.tailBlockId = tail[0];
    }
    if (output) {
      const blocks = (prompt?.length ?? 0) + output.length;
      if (blocks * blockSize > record.promptTokens + record.outputTokens)
        throw new RowError(
          `block_hashes and output_block_hashes have ${blocks} entries: ${blocks} blocks of ${blockSize} tokens ` +
            `are more than prompt and output (${record.promptTokens + record.outputTokens} tokens)`,
        );
      record.outputBlockIds = output;
    }
  }

  #unknownFields(json: Json): Record<string, JsonValue> | undefined {
    let extra: Record<string, JsonValue> | undefined;
    let isPlain = true;
    for (const key in json) {
      if (knownFields.has(key)) continue;
      extra ??= {};
      const value = json[key] as JsonValue;
      if (typeof value === "object" || typeof value === "number") isPlain = false;
      // An assignment to this name would set the object's prototype.
      if (key === "__proto__") Object.defineProperty(extra, key, { value, enumerable: true });
      else extra[key] = value;
    }
    if (extra === undefined || isPlain) return extra;
    try {
      const { value, tooLarge } = finiteOnly(extra);
      this.#tooLarge = tooLarge;
      return value;
    } catch (error) {
      throw error instanceof RangeError ? new RowError(error.message) : error;
    }
  }

  /** A long array of the row, or undefined. The JSON holds a 0 in the place of an array read from the bytes. */
  #array(field: number, json: Json): Int32Array | Float64Array | undefined {
    const name = arrayFields[field] as string;
    const value = json[name];
    if (value === undefined || value === null) return undefined;
    if (value === 0 && this.#arrays.seen & (1 << field)) return this.#arrays.values[field];
    throw new RowError(`${name} must be one array of numbers, got ${describeValue(value)}`);
  }
}

function parseJson(text: string): LenientJson {
  try {
    return parseLenientJson(text);
  } catch {
    const bad = /"([^"]*)"\s*:\s*(-?(?:nan|inf))\b/.exec(text);
    if (bad) throw new RowError(`${bad[1]} must be a finite number, got ${bad[2]}`);
    const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
    throw new RowError(`not JSON${text.startsWith("{") ? " (cut or damaged)" : ""}: ${shown}`);
  }
}

function arrayFieldAt(bytes: Buffer, start: number, end: number, inContext: boolean): number {
  const from = inContext ? numRunning : 0;
  const to = inContext ? arrayFields.length : numRunning;
  for (let f = from; f < to; f++) if (equalsAscii(bytes, start, end, arrayFields[f] as string)) return f;
  return -1;
}

function equalsAscii(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

function skipString(bytes: Buffer, at: number, end: number): number {
  let p = at + 1;
  while (p < end && bytes[p] !== 0x22) p += bytes[p] === 0x5c ? 2 : 1;
  return p + 1;
}

function skipScalar(bytes: Buffer, at: number, end: number): number {
  let p = at;
  while (p < end && bytes[p] !== 0x2c && bytes[p] !== 0x7d) p++;
  return p;
}

/** Behind the bracket that closes the array or object at `at`. */
function skipNested(bytes: Buffer, at: number, end: number): number {
  let depth = 0;
  let p = at;
  while (p < end) {
    const byte = bytes[p];
    if (byte === 0x22) {
      p = skipString(bytes, p, end);
      continue;
    }
    if (byte === 0x5b || byte === 0x7b) depth++;
    else if ((byte === 0x5d || byte === 0x7d) && --depth === 0) return p + 1;
    p++;
  }
  return end;
}
