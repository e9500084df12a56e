import type { Trace } from "../trace/index.js";

/**
 * Whether a trace tells any wait for a first token: without one there is nothing to draw or compare.
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { tellsTtft } from "prefixlab/cohorts";
 * tellsTtft(await readCapture({ role: "judge", scenario: "warm" })); // → true
 * ```
 */
export function tellsTtft({ records }: Trace): boolean {
  return records.some(({ ttftMs = 0 }) => ttftMs > 0);
}
