import type { Ms } from "../base/index.js";
import { ttftSurvival } from "../cohorts/index.js";
import type { LatencyModel } from "../latency/index.js";
import { type Pacing, replay } from "../replay/index.js";
import type { SessionLabels } from "../sessions/index.js";
import type { SurvivalCurve } from "../survival/index.js";
import type { Trace } from "../trace/index.js";

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

interface Capture {
  readonly trace: Trace;
  readonly sessions: SessionLabels;
}

/**
 * What pacing decides: a capture with the cache on, replayed with prefix caching off in both ways, beside the capture
 * of the same schedule that was made so.
 */
export function comparePacing(warm: Capture, cold: Capture, model: LatencyModel): PacingComparison {
  const { trace, sessions } = warm;
  const engine = { enablePrefixCaching: false };
  const modeled = (pacing: Pacing) =>
    ttftSurvival(replay({ trace, sessions, model, engine, pacing }).trace, sessions, "turns2plus");
  return {
    captured: ttftSurvival(cold.trace, cold.sessions, "turns2plus"),
    sessionPaced: modeled("session"),
    openLoop: modeled("open-loop"),
  };
}
