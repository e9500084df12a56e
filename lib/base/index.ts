/**
 * The ground floor: units, errors, seeded random streams, quantiles, least squares.
 *
 * Read `units.ts` first: times are milliseconds, counts are plain numbers, and every name says which. Then
 * `errors.ts` for what a bad argument turns into, and `random.ts` for where all randomness comes from.
 */
export { commonValue } from "./common-value.js";
export {
  describeValue,
  InputError,
  InvariantError,
  requireFinite,
  requireInteger,
  requirePositive,
  WorkError,
} from "./errors.js";
export { bytesPerGib, toGib } from "./gibibytes.js";
export { IndexedHeap } from "./indexed-heap.js";
export { asObject, isJsonObject, type JsonObject } from "./json-object.js";
export { nonNegativeLeastSquares, solveSymmetric } from "./least-squares.js";
export { mean, median, quantile, quantileSorted, sortedCopy } from "./quantile.js";
export { type RandomStream, stream } from "./random.js";
export { selectQuantiles } from "./select-quantiles.js";
export type { Blocks, Bytes, Ms, PerSecond, Tokens } from "./units.js";
export { wholeMicros } from "./whole-micros.js";
