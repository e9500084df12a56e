/**
 * Traces as files: reading and writing the tap schema, the other formats, and the fingerprints of prompts (keyed hashes
 * need Node's crypto). All of it needs Node; what interprets a trace needs none of it.
 *
 * Read `read-trace-batches.ts` first (how a file becomes records, and what is checked), then `trace-writer.ts`. A file
 * a format stands in `importers/` and `exporters/`: each says in its header what the format's fields mean.
 * `fingerprint.ts` makes hashes out of tokens. `engine-view-file.ts` reads what an engine said of itself beside a trace.
 */
export type { ContinuedTrace } from "./continued-trace.js";
export type { TraceEnd } from "./end-line.js";

export { counterNames, engineViewPath, readEngineView } from "./engine-view-file.js";
export { exportFormats, exportTrace } from "./exporters/export-trace.js";
export type { FileFactsState } from "./file-facts.js";
export {
  type BlockHashes,
  Fingerprinter,
  type FingerprintOptions,
  fingerprintTokens,
  internHashes,
} from "./fingerprint.js";
export { importFormats, importTrace } from "./importers/import-trace.js";
export type { ImportOptions } from "./importers/importer.js";
export { type TimeUnit, timeUnits } from "./importers/time-unit.js";
export { type OpenTokenizer, openTokenizer } from "./open-tokenizer.js";
export { readTextFile } from "./read-text-file.js";
export { readTextLines } from "./read-text-lines.js";
export { readTrace } from "./read-trace.js";
export type { ReadProgress, ReadRowsOptions, ReadTraceOptions } from "./read-trace-batches.js";
export {
  type MergedFacts,
  mergeFacts,
  type PartLines,
  readTracePart,
  type TracePartRows,
} from "./read-trace-part.js";
export { readTraceRows, type TraceRows } from "./read-trace-rows.js";
export { recordFromLine, recordToLine } from "./record-text.js";
export type { TraceChecksState } from "./trace-checks.js";
export { outlineTrace, type TraceOutline } from "./trace-outline.js";
export {
  type ResumeOptions,
  TraceWriter,
  type TraceWriterOptions,
  UnwrittenRecordsError,
} from "./trace-writer.js";
export type { UnitChecksState } from "./unit-checks.js";
export { writeTrace } from "./write-trace.js";
