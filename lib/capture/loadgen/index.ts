/**
 * The load generator: drives a server through any of four APIs and measures every request.
 *
 * Read `loadgen-options.ts` first (what can be asked), then `run-loadgen.ts` (the course of a run), then one driver,
 * say `drive-sessions.ts`. `api-client.ts` and `answer-reader.ts` do the measuring. Times are milliseconds.
 */
export { type Endpoint, endpoints } from "./endpoint.js";
export type { LoadProgress } from "./load-run.js";
export type { LoopKind } from "./loadgen-meta.js";
export {
  defaultLoadgenOptions,
  type LoadgenOptions,
  type LoadPattern,
  loadgenOptions,
  loadPatterns,
} from "./loadgen-options.js";
export {
  type ReadConversations,
  type RecordedConversation,
  type RecordedTurn,
  readConversations,
} from "./read-conversations.js";
export { type LoadgenHooks, type LoadgenResult, runLoadgen } from "./run-loadgen.js";
export { SEND_LAG_LIMIT_MS, type SendLag } from "./send-lag.js";
export type { ServerFacts } from "./server-facts.js";
export {
  type CohortJson,
  type LatenciesJson,
  type LoadSummary,
  type QuantileJson,
  summariseLoad,
} from "./summarise-load.js";
