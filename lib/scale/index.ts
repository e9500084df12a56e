/**
 * Large traces: millions of requests that do not fit in memory, and SQL over any trace.
 *
 * Read `windowed-sessions.ts` first (sessions of a stream, in bounded memory), then `summarize-trace-file.ts` (one pass:
 * what is in the trace, its sessions, its survival curves) and `trace-part.ts` (the same in parts, by threads or machines:
 * `part-threads.ts`, `trace-shard.ts`), then `trace-to-parquet.ts` and `query-traces.ts` (SQL in
 * DuckDB). `SQL.md` says how the same SQL runs on a cluster engine. Times are milliseconds, counts are tokens.
 */
export { DistinctCounter } from "./distinct-counter.js";
export type { TraceFileSummary } from "./merge-parts.js";
export { QuantileSketch, type QuantileSketchState } from "./quantile-sketch.js";
export { type QueryOptions, queryTraces } from "./query-traces.js";
export type { LabelledRow } from "./session-windows.js";
export { sketchedQuantile } from "./sketched-quantile.js";
export { type SummarizeOptions, summarizeTraceFile } from "./summarize-trace-file.js";
export {
  mergeShards,
  readShard,
  type ShardOptions,
  summarizeShard,
  type TraceShard,
  writeShard,
} from "./trace-shard.js";
export { type ParquetOptions, traceToParquet } from "./trace-to-parquet.js";
export { type WindowOptions, windowedSessions } from "./windowed-sessions.js";
