/**
 * prefixlab: see, explain and predict what a prefix cache does to time to first token.
 *
 * The rooms follow the pipeline: capture, trace, sessions, latency, replay (on the engine), survival, figure.
 */
export * from "./base/index.js";
export * from "./engine/index.js";
export * from "./latency/index.js";
export * from "./survival/index.js";
export * from "./trace/index.js";
