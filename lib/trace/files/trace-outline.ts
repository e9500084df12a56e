import { createHash } from "node:crypto";
import type { TraceMeta } from "../trace.js";
import { readTraceBatches } from "./read-trace-batches.js";
import { isPlainText, openBytes } from "./trace-bytes.js";

/** Lines from one place that is remembered to the next. */
const linesApart = 1 << 16;
const newline = 0x0a;

/** What a file is told by and where its lines are: enough to read any part of it. */
export interface TraceOutline {
  readonly meta: TraceMeta;
  /** The line of the meta line, from 1; 0 without one. */
  readonly metaLine: number;
  readonly lines: number;
  /** Bytes of the content, decompressed. */
  readonly contentBytes: number;
  /** SHA-256 of the first megabyte of the content or so, in hex. */
  readonly headDigest: string;
  /** Whether its bytes are its content, so that it can be read from any place. */
  readonly isSeekable: boolean;
  /** The bytes where lines 1, 65537, 131073, ... begin; only the first where the file has to be read from its begin. */
  readonly places: readonly number[];
}

/**
 * Counts the lines of a file without reading them. A file that is compressed is decompressed for it.
 * @throws InputError when the file cannot be read or does not begin as a trace
 * @example
 * ```ts
 * import { dataDir } from "prefixlab";
 * import { outlineTrace } from "prefixlab/trace/files";
 * const { lines, metaLine, isSeekable } = await outlineTrace(`${dataDir()}/warm-1.jsonl.gz`);
 * [lines, metaLine, isSeekable]; // → [321, 1, false]
 * ```
 */
export async function outlineTrace(path: string): Promise<TraceOutline> {
  const head = readTraceBatches(path, { mayBeEmpty: true }, 20);
  for await (const _ of head.batches()) if (head.metaLine > 0 || head.recordCount > 0) break;
  const isSeekable = await isPlainText(path);
  const places = [0];
  const hash = createHash("sha256");
  let lines = 0;
  let bytes = 0;
  let endsOpen = false;
  for await (const chunk of await openBytes(path)) {
    if (bytes < 1 << 20) hash.update(chunk.subarray(0, (1 << 20) - bytes));
    for (let p = chunk.indexOf(newline); p >= 0; p = chunk.indexOf(newline, p + 1))
      if (++lines % linesApart === 0 && isSeekable) places.push(bytes + p + 1);
    bytes += chunk.length;
    endsOpen = chunk.length === 0 ? endsOpen : chunk[chunk.length - 1] !== newline;
  }
  return {
    meta: head.meta,
    metaLine: head.metaLine,
    lines: lines + (endsOpen ? 1 : 0),
    contentBytes: bytes,
    headDigest: hash.digest("hex"),
    isSeekable,
    places,
  };
}

/** The last remembered place from which a line can be read. */
export function placeBefore({ places }: TraceOutline, line: number): { fromByte: number; lineThere: number } {
  const k = Math.min(places.length - 1, Math.floor((line - 1) / linesApart));
  return { fromByte: places[k], lineThere: k * linesApart + 1 };
}
