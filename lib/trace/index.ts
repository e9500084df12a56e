/**
 * Traces: what was captured on an engine or modeled by the simulator, one record a request.
 *
 * Read `trace.ts` first (the types), then `block-table.ts` (how block hashes become dense ids). Times are
 * milliseconds since the start of the capture; counts are tokens.
 */
export { BlockTable } from "./block-table.js";
export {
  decodeMs,
  isComplete,
  type JsonValue,
  type RowProblem,
  type Trace,
  type TraceMeta,
  type TraceRecord,
  totalMs,
} from "./trace.js";
