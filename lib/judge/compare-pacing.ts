import type { Ms } from "../base/index.js";
import { ttftSurvival } from "../cohorts/index.js";
import type { LatencyModel } from "../latency/index.js";
import { type Pacing, replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import type { SurvivalCurve } from "../survival/index.js";

/** TTFT of turns 2+ with the cache off: captured, and as the two ways of pacing a replay say. */
export type PacingComparison = Readonly<
  Record<
    "captured" | "sessionPaced" | "openLoop",
    {
      readonly curve: SurvivalCurve;
      /** Undefined where the curve does not fall to one half. */
      readonly medianMs?: Ms;
    }
  >
>;

/**
 * What pacing decides: a capture with the cache on, replayed with prefix caching off in both ways, beside the capture
 * of the same schedule that was made so.
 */
export function comparePacing(on: Workload, off: Workload, model: LatencyModel): PacingComparison {
  const engine = { enablePrefixCaching: false };
  const modeled = (pacing: Pacing) => ttftSurvival(replay(on, { model, engine, pacing }), "turns2plus");
  return {
    captured: ttftSurvival(off, "turns2plus"),
    sessionPaced: modeled("session"),
    openLoop: modeled("open-loop"),
  };
}
