import type { LatencyKind } from "../fit/index.js";
import { type Replay, replay } from "../replay/index.js";
import { sessionsOf } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";
import { type Calibration, calibrateLatency } from "./calibrate-latency.js";
import { compareStatistics, type StatisticCell } from "./replay-error.js";

/** A capture judged on the part that its model was not fitted on. */
export interface HalfJudged {
  readonly cells: readonly StatisticCell[];
  readonly replay: Replay;
  readonly calibration: Calibration;
  readonly fittedRequests: number;
  readonly judgedRequests: number;
}

/**
 * Calibrates a model on the first requests of a capture, replays all of them, and judges on the rest. The rest's prompts and
 * times are there while fitting only as what else was in the engine; none of their latencies is a target.
 * @throws InputError when the first requests are too few to fit on
 */
export function judgeSecondHalf(
  trace: Trace,
  options: { readonly fitted: number; readonly kind?: LatencyKind; readonly seed?: number },
): HalfJudged {
  const { fitted, kind = "physical", seed = 1 } = options;
  const calibration = calibrateLatency([trace], { kind, seed, isFitted: (_, index) => index < fitted });
  const result = replay(
    { trace, sessions: sessionsOf(trace) },
    { model: calibration.model, seed, keepLoads: true },
  );
  const judged = trace.records.slice(fitted);
  const cells = compareStatistics(judged, result.trace.records.slice(fitted));
  return { cells, replay: result, calibration, fittedRequests: fitted, judgedRequests: judged.length };
}
