/**
 * The served engine: the simulator's own core behind OpenAI's APIs and Anthropic's messages, by the wall clock.
 *
 * Read `start-server.ts` first (the endpoints), then `wall-clock-engine.ts` (how the core is driven) and
 * `generate.ts` (a request's way through it). Times are milliseconds of engine time, which is wall time at time
 * scale 1; tokens are bytes.
 */
export type { ServeOptions } from "./serve-options.js";
export { type EngineServer, startServer } from "./start-server.js";
