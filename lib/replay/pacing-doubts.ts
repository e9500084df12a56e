import type { SettingOrigin } from "../settings/index.js";
import type { Trace } from "../trace/index.js";
import { suspectedConcurrency } from "./suspected-concurrency.js";

/**
 * What to say of a replay whose pacing is assumed to be an open loop, where the capture looks like a closed one; nothing
 * where the pacing was told or given.
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { pacingDoubts } from "prefixlab/replay";
 * pacingDoubts(await readCapture({ role: "judge", scenario: "staircase" }), "captured"); // → []
 * ```
 */
export function pacingDoubts(trace: Trace, pacingFrom: SettingOrigin): string[] {
  const places = pacingFrom === "assumed" ? suspectedConcurrency(trace) : undefined;
  return places === undefined
    ? []
    : [
        `an open loop, though the capture looks like ${places} at a time: each request followed the end of another at once; --max-concurrency ${places} replays it so`,
      ];
}
