import type { Bytes } from "./units.js";

/**
 * Memory is told in GiB, as engines and cards' tools print it.
 * @example
 * ```ts
 * import { bytesPerGib } from "prefixlab/base";
 * bytesPerGib; // → 1073741824
 * ```
 */
export const bytesPerGib: Bytes = 2 ** 30;

/**
 * Bytes as GiB.
 * @example
 * ```ts
 * import { toGib } from "prefixlab/base";
 * toGib(2 ** 31); // → 2
 * ```
 */
export function toGib(bytes: Bytes): number {
  return bytes / bytesPerGib;
}
