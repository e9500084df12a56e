/**
 * Live input and output: the only room that opens sockets.
 *
 * Read `loadgen/index.ts` first: it drives a server and measures every request into a trace. `tap/index.ts` records
 * other clients' requests on their way to a server; `engine-view/index.ts` records beside either what the engine itself says; `serve/index.ts` is a server, with the simulated engine inside.
 */
export type { WatchCounts } from "./engine-view/index.js";
export {
  type LiveReplay,
  type LiveReplayOptions,
  type RecordedLabels,
  replayLive,
  type ServerRow,
} from "./live-replay/index.js";
export {
  type CohortJson,
  defaultLoadgenOptions,
  type Endpoint,
  endpoints,
  type LatenciesJson,
  type LoadgenHooks,
  type LoadgenOptions,
  type LoadgenResult,
  type LoadPattern,
  type LoadProgress,
  type LoadSummary,
  type LoopKind,
  loadgenOptions,
  loadPatterns,
  type QuantileJson,
  runLoadgen,
  SEND_LAG_LIMIT_MS,
  type SendLag,
  type ServerFacts,
  summariseLoad,
} from "./loadgen/index.js";
export { type EngineServer, type ServeOptions, startServer } from "./serve/index.js";
export {
  type PassedPaths,
  type RecordNotes,
  startTap,
  type Tap,
  type TapOptions,
  type TimedLoss,
} from "./tap/index.js";
