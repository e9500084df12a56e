import type { Ms } from "./units.js";

/**
 * Milliseconds to whole microseconds: a client's clock tells no more, and a file stays small.
 * @example
 * ```ts
 * import { wholeMicros } from "prefixlab/base";
 * wholeMicros(36.42349871); // → 36.42
 * ```
 */
export function wholeMicros(ms: Ms): Ms {
  return Math.round(ms * 1000) / 1000;
}
