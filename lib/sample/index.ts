/**
 * Smaller traces that behave as the whole one does: fewer sessions, or a smaller context window.
 *
 * Read `sample-trace.ts` first (what is kept), then `sharing-units.ts` (what stays together), `sample-search.ts` with
 * `balance-columns.ts` and `balanced-choice.ts` (which of it is taken), `pool-scale.ts` (the pool that goes with a smaller
 * trace) and `sample-distances.ts` (how well it was kept). `cap-context.ts` is the smaller window. Sizes are blocks of the
 * trace's block size, counts tokens, distances shares from 0 to 1.
 */
export { type ContextCut, capContext } from "./cap-context.js";
export type { PoolScale } from "./pool-scale.js";
export type { CurveDistance, SampleDistances } from "./sample-distances.js";
export type { FoundSample } from "./sample-search.js";
export { type SampleOptions, sampleTrace, type TraceSample } from "./sample-trace.js";
export type { Grouping } from "./sharing-units.js";
