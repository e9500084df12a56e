import { InputError } from "../../base/index.js";
import { fileWriter } from "../../output/index.js";
import { BlockTable } from "../block-table.js";
import { defaultBlockSize, metaFromJson } from "../meta-line.js";
import { RowError } from "../row-error.js";
import type { JsonValue, RowProblem, TraceMeta, TraceRecord } from "../trace.js";
import { closedSchema, endFromJson, reasonsInWords, type TraceEnd } from "./end-line.js";
import { identifyFile, noImport } from "./importers/identify-file.js";
import { LineSplitter } from "./line-splitter.js";
import { finiteOnly } from "./parse-json.js";
import { RecordParser } from "./record-line.js";
import { openBytes } from "./trace-bytes.js";
import { TraceChecks } from "./trace-checks.js";

/** How to read a trace. */
export interface ReadTraceOptions {
  /** A bad row ends the read with an InputError instead of being left out and counted. Default false. */
  readonly strict?: boolean;
  /** Called once a chunk of the file, about every megabyte. */
  readonly onProgress?: (progress: ReadProgress) => void;
  /** Called with each record that is taken and the line of the file it stands in, from 1, after decompression. */
  readonly onRecord?: (record: TraceRecord, line: number) => void;
}

/** What a read of rows takes beside the options of a whole read. */
export interface ReadRowsOptions extends ReadTraceOptions {
  /**
   * Bounds the block table: once it holds more blocks than this, it is emptied before the next chunk of the file is
   * read. Then the block ids of a record hold only until the next record is taken. Default: never emptied.
   */
  readonly maxBlocks?: number;
}

/** What only the writer that continues a trace wants of its read. */
export interface ReadBatchesOptions extends ReadRowsOptions {
  /** A trace without records is one too, if it has a meta line or is empty. Default false. */
  readonly mayBeEmpty?: boolean;
}

/** How far a read has come. `bytesRead` counts bytes of the file, before decompression. */
export interface ReadProgress {
  readonly bytesRead: number;
  readonly totalBytes: number;
  readonly records: number;
}

/** A trace as a stream of batches of records in file order. The rest is complete once the iteration is over. */
export interface TraceBatches {
  readonly meta: TraceMeta;
  readonly blocks: BlockTable;
  readonly rejected: readonly RowProblem[];
  readonly rejectedCount: number;
  readonly warnings: readonly RowProblem[];
  readonly recordCount: number;
  /** Bytes behind the last line end: a last line that was cut, or only lacks its end. */
  readonly unfinished: "none" | "usable" | "cut";
  /** Whether the compressed content ends early, or something else follows it. */
  readonly isCutOff: boolean;
  /** To be called once. */
  batches(): AsyncGenerator<TraceRecord[], void>;
}

const foreignAfterRows = 20;
const metaStart = '{"meta":{';

/**
 * Reads a trace in batches, one a chunk of the file. See `readTraceRows` for what is read and checked.
 * @param keptProblems how many rejections to keep; all are counted
 * @throws InputError as `readTraceRows` does, from the iteration
 */
export function readTraceBatches(
  path: string,
  options: ReadBatchesOptions,
  keptProblems: number,
): TraceBatches {
  const blocks = new BlockTable();
  const parser = new RecordParser(blocks);
  const splitter = new LineSplitter();
  const checks = new TraceChecks();
  const rejected: RowProblem[] = [];
  const warnings: RowProblem[] = [];
  let meta: TraceMeta = { extra: {} };
  let sawMeta = false;
  let rejectedCount = 0;
  let records = 0;
  let ready: TraceRecord[] = [];
  let schema = 1;
  let firstBytes: string | undefined;
  let lastEnd: TraceEnd | undefined;
  const unrecorded = new Map<string, number>();
  let rowsAtEnd = 0;
  let unfinished: TraceBatches["unfinished"] = "none";
  let isCutOff = false;

  function reject(line: number, reason: string): void {
    if (options.strict) throw new InputError(`${path}: line ${line}: ${reason}`);
    rejectedCount++;
    if (rejected.length < keptProblems) rejected.push({ line, reason });
    if (rejectedCount === foreignAfterRows && records === 0 && !sawMeta)
      throw new InputError(
        `${path}: is no trace in the tap schema: none of its first ${foreignAfterRows} rows can be used; ` +
          `line ${rejected[0]?.line}: ${rejected[0]?.reason}`,
      );
  }

  function onLine(bytes: Buffer, start: number, end: number, line: number): void {
    firstBytes ??= bytes.toString("latin1", start, Math.min(end, start + metaStart.length));
    try {
      const plain = parser.plainRecord(bytes, start, end, meta.blockSize ?? defaultBlockSize);
      if (plain) {
        take(plain, line);
        return;
      }
      const json = parser.parse(bytes, start, end);
      if (json.meta !== undefined && json.prompt_tokens === undefined) {
        if (sawMeta || records > 0) throw new RowError("a meta line must come once, before the first record");
        sawMeta = true;
        meta = takeMeta(json.meta, line);
        return;
      }
      if (json.end !== undefined && json.prompt_tokens === undefined) {
        lastEnd = endFromJson(json.end);
        for (const [reason, count] of Object.entries(lastEnd.unrecorded ?? {}))
          unrecorded.set(reason, (unrecorded.get(reason) ?? 0) + count);
        rowsAtEnd = records + rejectedCount;
        return;
      }
      take(parser.record(json, meta.blockSize ?? defaultBlockSize), line);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      // Chains cannot be judged without the block size, so a bad meta line is not just one row less.
      if (error.message.startsWith("meta.")) throw new InputError(`${path}: line ${line}: ${error.message}`);
      reject(line, error.message);
    }
  }

  function take(record: TraceRecord, line: number): void {
    records++;
    checks.add(record, line, meta.blockSize ?? defaultBlockSize, parser.digest());
    if (parser.hadNaN) checks.addNaN(line);
    for (const field of parser.tooLarge) checks.addTooLarge(line, field);
    ready.push(record);
    options.onRecord?.(record, line);
  }

  function takeMeta(json: JsonValue, line: number): TraceMeta {
    if (json === null || typeof json !== "object" || Array.isArray(json)) return metaFromJson(json);
    const { value, tooLarge } = finiteOnly(json as { readonly [key: string]: JsonValue });
    for (const field of tooLarge)
      warnings.push({ line, reason: `meta.${field} is a number beyond what a double holds: left out` });
    const facts = metaFromJson(value);
    if (typeof value.schema === "number") schema = value.schema;
    return facts;
  }

  /** What the closing line, or its absence, says about rows that are not there. */
  function closing(): string | undefined {
    const rows = records + rejectedCount;
    if (lastEnd !== undefined && rowsAtEnd === rows) {
      if (lastEnd.records !== rows)
        return `the recording was closed with ${lastEnd.records} records, ${rows} were read`;
      if (lastEnd.lost)
        return `${lastEnd.lost} records could not be written when it was recorded: they are missing`;
      return undefined;
    }
    if (lastEnd === undefined && schema < closedSchema) return undefined;
    const writer = fileWriter(path);
    return writer === undefined
      ? "the recording was not closed: whoever wrote it was stopped; rows in flight are missing"
      : `the recording is not closed yet: process ${writer} is writing it`;
  }

  /** Whether the file holds nothing but the begin of a trace. */
  function isBegun(): boolean {
    const isCutMeta = unfinished === "cut" && rejectedCount === 1 && metaStart.startsWith(firstBytes ?? "");
    return sawMeta || rejectedCount === 0 || isCutMeta;
  }

  const onTooLong = (line: number) => reject(line, "longer than 256 MiB");

  async function* batches(): AsyncGenerator<TraceRecord[], void> {
    try {
      yield* usableBatches();
    } catch (error) {
      if (!(error instanceof InputError) || records > 0 || sawMeta || rejectedCount === 0) throw error;
      const found = await identifyFile(path);
      // A trace of this schema whose rows are all bad is one none the less.
      if (found?.advice === noImport) throw error;
      const advice = found
        ? `The file looks like ${found.what}: for prefixlab import, ${found.advice}`
        : "For another format, import it first (prefixlab import --help lists them)";
      throw new InputError(`${error.message}. ${advice}`);
    }
  }

  async function* usableBatches(): AsyncGenerator<TraceRecord[], void> {
    const source = await openBytes(path);
    for await (const chunk of source) {
      if (blocks.size > (options.maxBlocks ?? Number.POSITIVE_INFINITY)) blocks.clear();
      splitter.push(chunk, onLine, onTooLong);
      const batch = ready;
      ready = [];
      yield batch;
      options.onProgress?.({ bytesRead: source.bytesRead, totalBytes: source.totalBytes, records });
    }
    const before = rejectedCount;
    if (source.cutOff !== undefined && options.strict) throw new InputError(`${path}: ${source.cutOff}`);
    isCutOff = source.cutOff !== undefined;
    if (splitter.finish(onLine, onTooLong)) unfinished = rejectedCount > before ? "cut" : "usable";
    yield ready;
    if (source.cutOff !== undefined) warnings.push({ line: 0, reason: source.cutOff });
    if (unfinished === "cut")
      warnings.push({
        line: splitter.lineNumber,
        reason: "the last line is cut: it has no line end and cannot be used",
      });
    if (records === 0 && !(options.mayBeEmpty && isBegun()))
      throw new InputError(noRecords(path, rejectedCount, rejected[0], source.cutOff));
    const missing = closing();
    if (missing !== undefined && options.strict && lastEnd !== undefined && lastEnd.records > records)
      throw new InputError(`${path}: ${missing}`);
    if (missing !== undefined) warnings.push({ line: 0, reason: missing });
    if (unrecorded.size > 0)
      warnings.push({
        line: 0,
        reason: `requests passed unrecorded while it was captured: ${reasonsInWords(Object.fromEntries(unrecorded))}`,
      });
    warnings.push(...checks.warnings());
  }

  return {
    get meta() {
      return meta;
    },
    blocks,
    rejected,
    get rejectedCount() {
      return rejectedCount;
    },
    warnings,
    get recordCount() {
      return records;
    },
    get unfinished() {
      return unfinished;
    },
    get isCutOff() {
      return isCutOff;
    },
    batches,
  };
}

function noRecords(path: string, rejectedCount: number, first: RowProblem | undefined, cutOff = ""): string {
  const why = cutOff && `; ${cutOff}`;
  if (!first) return `${path}: holds no record${why}`;
  return `${path}: holds no usable record: ${rejectedCount} rejected, the first at line ${first.line}: ${first.reason}${why}`;
}
