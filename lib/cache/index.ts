/**
 * Where KV is kept and found, by itself: no scheduler, no clock.
 *
 * Read `block-pool.ts` first (vLLM's pool of reference-counted blocks), then `hit-rate-curve.ts` (hits against pool
 * size for all sizes at once). Sizes are blocks; content is named by dense integer ids.
 */
export { BlockPool } from "./block-pool.js";
export { type BlockAccess, type HitRateCurve, hitRateCurve } from "./hit-rate-curve.js";
