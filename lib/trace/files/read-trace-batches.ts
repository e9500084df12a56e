import { InputError } from "../../base/index.js";
import { BlockTable } from "../block-table.js";
import { defaultBlockSize, metaFromJson } from "../meta-line.js";
import { RowError } from "../row-error.js";
import type { JsonValue, RowProblem, TraceMeta, TraceRecord } from "../trace.js";
import { endFromJson } from "./end-line.js";
import { FileFacts } from "./file-facts.js";
import { identifyFile, noImport } from "./importers/identify-file.js";
import { LineSplitter } from "./line-splitter.js";
import { finiteOnly } from "./parse-json.js";
import { RecordParser } from "./record-line.js";
import { openBytes } from "./trace-bytes.js";

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

/** A part of a file that is read: lines from 1. */
export interface FilePart {
  /** The meta line of the file, 0 where it has none, and what it says: the part may begin behind it. */
  readonly metaLine: number;
  readonly meta: TraceMeta;
  /** A byte where a line begins, and that line. */
  readonly fromByte: number;
  readonly lineThere: number;
  /** The first line that is read: those before it are passed over. */
  readonly fromLine: number;
  /** The first line of the part's own: those read before it count elsewhere. */
  readonly ownLine: number;
  /** The first line that is not the part's own. Reading goes on up to the first record from there on. */
  readonly toLine: number;
}

/** What only the writer that continues a trace, or a reader of parts of one, wants of its read. */
export interface ReadBatchesOptions extends ReadRowsOptions {
  /** Read only this. Default: all. */
  readonly part?: FilePart;
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
  /** Of a part: to be put together with those of the others. */
  readonly facts: FileFacts;
  /** The line of the meta line, 0 without one. */
  readonly metaLine: number;
  /** Of a part: the line of the first record behind it, once all was read. */
  readonly nextRecordLine: number | undefined;
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
  const { part } = options;
  const splitter = new LineSplitter(undefined, part ? part.lineThere - 1 : 0);
  const facts = new FileFacts(path, keptProblems, part !== undefined);
  const { checks, rejected } = facts;
  const warnings: RowProblem[] = [];
  const [fromLine, ownLine, toLine] = part
    ? [part.fromLine, part.ownLine, part.toLine]
    : [1, 1, Number.POSITIVE_INFINITY];
  let meta: TraceMeta = part?.meta ?? { extra: {} };
  let metaLine = part?.metaLine ?? 0;
  let sawMeta = ownLine > 1 && metaLine > 0;
  let sawRecord = ownLine > 1;
  let nextRecordLine: number | undefined;
  let ready: TraceRecord[] = [];
  let firstBytes: string | undefined;
  let unfinished: TraceBatches["unfinished"] = "none";

  function reject(line: number, reason: string): void {
    if (line < ownLine || line >= toLine) return;
    if (options.strict) throw new InputError(`${path}: line ${line}: ${reason}`);
    facts.reject(line, reason);
    if (facts.rejectedCount === foreignAfterRows && !sawRecord && !sawMeta)
      throw new InputError(
        `${path}: is no trace in the tap schema: none of its first ${foreignAfterRows} rows can be used; ` +
          `line ${rejected[0]?.line}: ${rejected[0]?.reason}`,
      );
  }

  function onLine(bytes: Buffer, start: number, end: number, line: number): void {
    if (line < fromLine || nextRecordLine !== undefined) return;
    firstBytes ??= bytes.toString("latin1", start, Math.min(end, start + metaStart.length));
    try {
      const plain = parser.plainRecord(bytes, start, end, meta.blockSize ?? defaultBlockSize);
      if (plain) {
        take(plain, line);
        return;
      }
      const json = parser.parse(bytes, start, end);
      if (json.meta !== undefined && json.prompt_tokens === undefined) {
        if (sawMeta || sawRecord) throw new RowError("a meta line must come once, before the first record");
        sawMeta = true;
        metaLine = line;
        meta = takeMeta(json.meta, line);
        return;
      }
      if (json.end !== undefined && json.prompt_tokens === undefined) {
        const end = endFromJson(json.end);
        if (line >= ownLine && line < toLine) facts.takeEnd(end);
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
    if (line >= toLine) {
      nextRecordLine = line;
      return;
    }
    sawRecord = true;
    if (line < ownLine) {
      checks.addBefore(record);
      ready.push(record);
      options.onRecord?.(record, line);
      return;
    }
    facts.records++;
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
      facts.warned.push({ line, reason: `meta.${field} is a number beyond what a double holds: left out` });
    const taken = metaFromJson(value);
    if (typeof value.schema === "number") facts.schema = value.schema;
    return taken;
  }

  /** Whether the file holds nothing but the begin of a trace. */
  function isBegun(): boolean {
    const isCutMeta =
      unfinished === "cut" && facts.rejectedCount === 1 && metaStart.startsWith(firstBytes ?? "");
    return sawMeta || facts.rejectedCount === 0 || isCutMeta;
  }

  const onTooLong = (line: number) => reject(line, "longer than 256 MiB");

  async function* batches(): AsyncGenerator<TraceRecord[], void> {
    try {
      yield* usableBatches();
    } catch (error) {
      if (!(error instanceof InputError) || sawRecord || sawMeta || facts.rejectedCount === 0) throw error;
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
    const source = await openBytes(path, part?.fromByte ?? 0);
    for await (const chunk of source) {
      if (blocks.size > (options.maxBlocks ?? Number.POSITIVE_INFINITY)) blocks.clear();
      splitter.push(chunk, onLine, onTooLong);
      const batch = ready;
      ready = [];
      yield batch;
      const { bytesRead, totalBytes } = source;
      options.onProgress?.({ bytesRead, totalBytes, records: facts.records });
      if (nextRecordLine !== undefined) return;
    }
    const before = facts.rejectedCount;
    if (source.cutOff !== undefined && options.strict) throw new InputError(`${path}: ${source.cutOff}`);
    facts.cutOff = source.cutOff;
    if (splitter.finish(onLine, onTooLong)) unfinished = facts.rejectedCount > before ? "cut" : "usable";
    yield ready;
    if (unfinished === "cut") facts.cutLine = splitter.lineNumber;
    facts.noteWriter();
    if (part) return;
    requireRecords(path, facts, options.mayBeEmpty === true && isBegun());
    const missing = facts.missingAtEnd;
    if (missing !== undefined && options.strict) throw new InputError(`${path}: ${missing}`);
    warnings.push(...facts.warnings());
  }

  return {
    get meta() {
      return meta;
    },
    blocks,
    rejected,
    get rejectedCount() {
      return facts.rejectedCount;
    },
    warnings,
    facts,
    get metaLine() {
      return metaLine;
    },
    get nextRecordLine() {
      return nextRecordLine;
    },
    get recordCount() {
      return facts.records;
    },
    get unfinished() {
      return unfinished;
    },
    get isCutOff() {
      return facts.cutOff !== undefined;
    },
    batches,
  };
}

/** @throws InputError where a file that was read whole holds no record that can be used */
export function requireRecords(path: string, facts: FileFacts, mayBeEmpty = false): void {
  if (facts.records > 0 || mayBeEmpty) return;
  const why = facts.cutOff === undefined ? "" : `; ${facts.cutOff}`;
  const [first] = facts.rejected;
  throw new InputError(
    first
      ? `${path}: holds no usable record: ${facts.rejectedCount} rejected, the first at line ${first.line}: ${first.reason}${why}`
      : `${path}: holds no record${why}`,
  );
}
