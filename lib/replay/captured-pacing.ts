import type { SettingOrigin } from "../settings/index.js";
import type { JsonValue, Trace } from "../trace/index.js";
import type { Pacing } from "./pacing.js";
import { toldConcurrency } from "./told-concurrency.js";

/** How a capture's client paced its requests, and whether the trace tells it. */
export interface CapturedPacing {
  readonly pacing: Pacing;
  readonly from: Extract<SettingOrigin, "captured" | "assumed">;
}

/**
 * How the client of a capture paced its requests: sessions where it drove or recorded them (turns, or parents), a closed loop where workers
 * waited for answers (`max_concurrency` of an imported report is that many), an open loop where arrivals had times of their
 * own. A trace that a replay wrote tells its own. Where nothing tells, an open loop is assumed. (`loop` in the meta line
 * says whether sends were on time, not how they were paced.)
 * @example
 * ```ts
 * import { capturedPacing, readCapture } from "prefixlab";
 * capturedPacing(await readCapture({ role: "judge", scenario: "staircase" })); // → { pacing: "closed-loop", from: "captured" }
 * ```
 */
export function capturedPacing(trace: Trace): CapturedPacing {
  const { meta, records } = trace;
  const { pattern, pacing, request_rate: rate } = meta.extra;
  const told = modeledPacing(pacing) ?? patternPacing(pattern);
  if (told !== undefined) return { pacing: told, from: "captured" };
  const hasTurns = records.some(
    ({ session, turn, parents = [] }) =>
      parents.length > 0 || (session !== undefined && turn !== undefined && turn > 1),
  );
  if (hasTurns) return { pacing: "session", from: "captured" };
  // Where a rate was asked for as well, arrivals had times of their own, and what the cap held back does not show.
  if (toldConcurrency(trace) && typeof rate !== "number") return { pacing: "closed-loop", from: "captured" };
  return { pacing: "open-loop", from: "assumed" };
}

function modeledPacing(pacing: JsonValue | undefined): Pacing | undefined {
  return pacing === "session" || pacing === "open-loop" || pacing === "closed-loop" ? pacing : undefined;
}

/** The load generator's patterns; in all but the first three, workers wait for answers. */
function patternPacing(pattern: JsonValue | undefined): Pacing | undefined {
  switch (pattern) {
    case "multiturn":
      return "session";
    case "poisson":
    case "burst":
      return "open-loop";
    case "constant":
    case "staircase":
    case "sweep":
      return "closed-loop";
    default:
      return undefined;
  }
}
