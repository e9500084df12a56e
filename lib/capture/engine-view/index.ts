/**
 * The engine's own view of a capture, recorded beside its requests: `watch-engine.ts` looks at the engine's counters and
 * listens to its KV events, `kv-event-batch.ts` reads those from the wire, `block-names.ts` turns their tokens into the
 * trace's fingerprints, `view-writer.ts` writes the file (`lib/trace/files/engine-view-file.ts` says what is in it).
 * `thread-watch.ts` does all that in a thread of its own. Times are milliseconds.
 */
export { type OpenWatch, threadWatch } from "./thread-watch.js";
export type { CaptureStart } from "./view-writer.js";
export { type EngineWatch, type EngineWatchOptions, type WatchCounts, watchEngine } from "./watch-engine.js";
