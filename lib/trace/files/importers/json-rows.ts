import { describeValue, InputError, isJsonObject, type JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { LineSplitter } from "../line-splitter.js";
import { NumberArrays } from "../number-arrays.js";
import { parseLenientJson } from "../parse-json.js";
import type { ReadTraceOptions } from "../read-trace-batches.js";
import { openBytes } from "../trace-bytes.js";
import type { TraceBuilder } from "./trace-builder.js";

/** Halves of the 64-bit integers in a row's list of block ids; valid until the next row. */
export interface IdList {
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  readonly length: number;
}

/**
 * Streams the lines of a JSON-lines file, gzip or not, to `onRow`. The list named `idField` is read exactly, as
 * 64-bit integers, and handed over beside the object. Lines that are no JSON objects are rejected in the builder.
 * @param idsMayBeText leaves a list that begins with a text where it is
 * @returns number of lines read
 */
export async function readJsonRows(
  path: string,
  builder: TraceBuilder,
  options: ReadTraceOptions,
  onRow: (row: JsonObject, line: number, ids: IdList | undefined) => void,
  idField?: string,
  idsMayBeText = false,
): Promise<number> {
  const splitter = new LineSplitter();
  const arrays = new NumberArrays();
  const source = await openBytes(path);
  const onTooLong = (line: number) => builder.reject(line, "longer than 256 MiB");
  const onLine = (bytes: Buffer, start: number, end: number, line: number) => {
    try {
      const cut =
        idField === undefined ? undefined : readIds(arrays, bytes, start, end, idField, idsMayBeText);
      const text = cut
        ? `${bytes.toString("utf8", start, cut.open)}0${bytes.toString("utf8", cut.close, end)}`
        : bytes.toString("utf8", start, end);
      onRow(parseObject(text), line, cut && arrays);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      builder.reject(line, error.message);
    }
  };
  for await (const chunk of source) {
    splitter.push(chunk, onLine, onTooLong);
    options.onProgress?.({
      bytesRead: source.bytesRead,
      totalBytes: source.totalBytes,
      records: builder.length,
    });
  }
  splitter.finish(onLine, onTooLong);
  if (source.cutOff !== undefined) cutOff(path, source.cutOff, builder, options);
  return splitter.lineNumber;
}

/**
 * Reads a file that is one JSON document.
 * @throws InputError when it is not, or is no object
 */
export async function readJsonDocument(path: string): Promise<JsonObject> {
  const { text, cutOff } = await textOf(path);
  return documentOf(path, text, cutOff);
}

/**
 * Reads a file that is one JSON document, or one a line.
 * @throws InputError when it is neither, or one of them is no object
 */
export async function readJsonDocuments(path: string): Promise<readonly JsonObject[]> {
  const { text, cutOff } = await textOf(path);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const first = lines[0]?.trim() ?? "";
  const isLines = lines.length > 1 && first.startsWith("{") && first.endsWith("}");
  if (!isLines) return [documentOf(path, text, cutOff)];
  try {
    return lines.map((line) => documentOf(path, line, cutOff));
  } catch (error) {
    // One document whose first line happens to be an object of its own.
    if (error instanceof InputError) return [documentOf(path, text, cutOff)];
    throw error;
  }
}

/**
 * Reads the objects of a file that is JSON lines, a JSON array of objects, or one JSON document, and hands each to `onRow`
 * with its line or its place in the list, from 1. Lines or entries that are no objects are rejected in the builder.
 * @throws InputError when a file that is no JSON lines is no JSON document
 */
export async function readJsonItems(
  path: string,
  builder: TraceBuilder,
  options: ReadTraceOptions,
  onRow: (row: JsonObject, line: number) => void,
): Promise<void> {
  const { text, cutOff: reason } = await textOf(path);
  const firstLine = text.trimStart().split("\n", 1)[0]?.trim() ?? "";
  const isLines = firstLine.startsWith("{") && firstLine.endsWith("}") && parses(firstLine);
  const document = isLines ? undefined : parsedDocument(path, text, reason);
  const items = Array.isArray(document) ? (document as unknown[]) : [document];
  const entries: (readonly [number, unknown])[] = isLines
    ? text.split("\n").flatMap((line, at) => (line.trim() === "" ? [] : [[at + 1, line] as const]))
    : items.map((item, at) => [at + 1, item] as const);
  for (const [line, entry] of entries)
    try {
      onRow(isLines ? parseObject(entry as string) : objectOf(entry), line);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      builder.reject(line, error.message);
    }
  if (reason !== undefined) cutOff(path, reason, builder, options);
}

function parses(text: string): boolean {
  try {
    parseLenientJson(text);
    return true;
  } catch {
    return false;
  }
}

async function textOf(path: string): Promise<{ text: string; cutOff: string | undefined }> {
  const chunks: Buffer[] = [];
  const source = await openBytes(path);
  for await (const chunk of source) chunks.push(chunk);
  return {
    text: Buffer.concat(chunks)
      .toString("utf8")
      .replace(/^\ufeff/, ""),
    cutOff: source.cutOff,
  };
}

function parsedDocument(path: string, text: string, cutOff: string | undefined): unknown {
  try {
    return parseLenientJson(text).value;
  } catch {
    throw new InputError(`${path}: is no JSON document${cutOff ? `: ${cutOff}` : ""}`);
  }
}

function documentOf(path: string, text: string, cutOff: string | undefined): JsonObject {
  const value = parsedDocument(path, text, cutOff);
  if (!isJsonObject(value))
    throw new InputError(`${path}: must hold a JSON object, got ${describeValue(value)}`);
  return value;
}

/** Whether the first thing of a list is a text. */
function beginsWithText(bytes: Buffer, inside: number): boolean {
  let p = inside;
  while (bytes[p] === 0x20 || bytes[p] === 0x09) p++;
  return bytes[p] === 0x22;
}

/** Passes the news of a cut gzip stream on: a warning, or the end under `strict`. */
export function cutOff(path: string, reason: string, builder: TraceBuilder, options: ReadTraceOptions): void {
  if (options.strict) throw new InputError(`${path}: ${reason}`);
  builder.warn(reason);
}

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = parseLenientJson(text).value;
  } catch {
    throw new RowError(`not JSON: ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`);
  }
  return objectOf(value);
}

function objectOf(value: unknown): JsonObject {
  if (!isJsonObject(value)) throw new RowError(`a row must be a JSON object, got ${describeValue(value)}`);
  return value;
}

/** Reads the list behind `"field":` into `arrays` and says where it stands in the line. */
function readIds(
  arrays: NumberArrays,
  bytes: Buffer,
  start: number,
  end: number,
  field: string,
  mayBeText: boolean,
): { open: number; close: number } | undefined {
  const key = `"${field}"`;
  let at = bytes.indexOf(key, start);
  while (at >= 0 && at < end) {
    let p = at + key.length;
    while (bytes[p] === 0x20) p++;
    if (bytes[p] === 0x3a) {
      p++;
      while (bytes[p] === 0x20) p++;
      if (bytes[p] !== 0x5b) return undefined;
      if (mayBeText && beginsWithText(bytes, p + 1)) return undefined;
      arrays.readHashes(bytes, p, end, field);
      return { open: p, close: arrays.position };
    }
    at = bytes.indexOf(key, p);
  }
  return undefined;
}
