/**
 * Traces: what was captured on an engine or modeled by the simulator, one record a request.
 *
 * Read `trace.ts` first (the types), then `block-table.ts` (how block hashes become dense ids), then
 * `read-trace-batches.ts` (how a file becomes records, and what is checked). `fingerprint.ts` makes hashes out of
 * tokens. A file a format stands in `importers/` and `exporters/`: each says in its header what the format's fields
 * mean. Times are milliseconds since the start of the capture; counts are tokens.
 */
export { BlockTable } from "./block-table.js";
export {
  type CommittedCapture,
  committedCaptures,
  dataDir,
  engineName,
  readCapture,
  readCaptures,
} from "./committed-captures.js";
export { exportFormats, exportTrace } from "./exporters/export-trace.js";
export { meanGapMs } from "./exporters/mean-gap.js";
export {
  type BlockHashes,
  Fingerprinter,
  type FingerprintOptions,
  fingerprintTokens,
  internHashes,
} from "./fingerprint.js";
export { importFormats, importTrace } from "./importers/import-trace.js";
export type { ImportOptions } from "./importers/importer.js";
export { defaultBlockSize, metaFromJson } from "./meta-line.js";
export { inArrivalOrder, readTrace } from "./read-trace.js";
export type { ReadProgress, ReadTraceOptions } from "./read-trace-batches.js";
export { readTraceRows, type TraceRows } from "./read-trace-rows.js";
export { recordFromLine, recordToLine } from "./record-text.js";
export { deriveStepContext } from "./step-context.js";
export {
  decodeMs,
  isAnswered,
  isComplete,
  type JsonValue,
  type RowProblem,
  type Trace,
  type TraceMeta,
  type TraceRecord,
  totalMs,
} from "./trace.js";
export { TraceWriter, type TraceWriterOptions, writeTrace } from "./trace-writer.js";
