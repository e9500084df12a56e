/**
 * prefixlab: see, explain and predict what a prefix cache does to time to first token.
 *
 * The rooms follow the pipeline: trace, sessions, fit, replay (on the engine), judge, figure. What opens sockets is
 * apart, in `prefixlab/capture`; survival statistics alone are in `prefixlab/survival`.
 * @module prefixlab
 */
export * from "./base/index.js";
export * from "./cache/index.js";
export * from "./captures/index.js";
export * from "./cohorts/index.js";
export * from "./engine/index.js";
export * from "./figure/index.js";
export * from "./fit/index.js";
export * from "./judge/index.js";
export * from "./latency/index.js";
export * from "./replay/index.js";
export * from "./sessions/index.js";
export * from "./survival/index.js";
export * from "./trace/files/index.js";
export * from "./trace/index.js";
export * from "./workload/index.js";
