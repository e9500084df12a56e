/**
 * Traces: what was captured on an engine or modeled by the simulator, one record a request.
 *
 * Read `trace.ts` first (the types), then `block-table.ts` (how block hashes become dense ids) and `engine-view.ts` (what
 * an engine said of itself meanwhile). Files are read and
 * written in `files/`, which has an index of its own: nothing here touches a disk. Times are milliseconds since the
 * start of the capture; counts are tokens.
 */
export { BlockMover } from "./block-mover.js";
export { BlockTable } from "./block-table.js";
export { type DataParallel, dataParallel, engineCount } from "./data-parallel.js";
export type {
  CacheEvent,
  CacheEventBatch,
  EngineCounters,
  EngineSnapshot,
  EngineView,
} from "./engine-view.js";
export { type IdleArrival, idleArrivals } from "./idle-arrivals.js";
export { importAssumptions } from "./import-assumptions.js";
export { inArrivalOrder } from "./in-arrival-order.js";
export { defaultBlockSize, metaFromJson, traceSchemaVersion } from "./meta-line.js";
export { movedBlocks } from "./moved-blocks.js";
export { deriveStepContext } from "./step-context.js";
export {
  decodeMs,
  isAnswered,
  isComplete,
  type JsonValue,
  meanGapMs,
  type ParentEdge,
  type ParentKind,
  type PromptMessage,
  type RowProblem,
  type Trace,
  type TraceMeta,
  type TraceRecord,
  totalMs,
} from "./trace.js";
