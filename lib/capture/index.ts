/**
 * Live input and output: the only room that opens sockets.
 *
 * Read `loadgen/index.ts` first: it drives a server and measures every request into a trace.
 */
export {
  type CohortJson,
  defaultLoadgenOptions,
  type LoadgenHooks,
  type LoadgenOptions,
  type LoadgenResult,
  type LoadPattern,
  type LoadProgress,
  type LoadSummary,
  loadgenOptions,
  loadPatterns,
  type QuantileJson,
  runLoadgen,
  SEND_LAG_LIMIT_MS,
  type SendLag,
  summariseLoad,
} from "./loadgen/index.js";
