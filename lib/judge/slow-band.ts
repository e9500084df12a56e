import { type Ms, mean, quantile } from "../base/index.js";
import { type CohortName, cohortIndices } from "../cohorts/index.js";
import type { SessionLabels, Workload } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";
import type { JudgedCapture } from "./scenario-accuracy.js";

/** Share of inter-token gaps in the slow band, captured and modeled; a part without gaps is undefined. */
export interface SlowBand {
  readonly captured?: number;
  readonly modeled?: number;
}

/**
 * Share of a cohort's inter-token gaps that are longer than a threshold: the slow band, gaps stretched by prefill
 * chunks that shared their step. Undefined without gaps.
 */
export function slowBandMass(
  { trace, sessions }: Workload,
  cohort: CohortName,
  thresholdMs: Ms,
): number | undefined {
  let slow = 0;
  let all = 0;
  for (const index of cohortIndices(sessions, cohort)) {
    for (const gap of trace.records[index].itlMs ?? []) {
      all++;
      if (gap > thresholdMs) slow++;
    }
  }
  return all === 0 ? undefined : slow / all;
}

/**
 * Three times the median gap of a decode that has the engine to itself: no clean decode of the captures is as long.
 * 0 where no request was alone.
 */
export function slowBandThresholdMs(traces: readonly Trace[]): Ms {
  const alone = traces.flatMap((trace) =>
    trace.records.flatMap(({ concurrency, itlMs }) => (concurrency === 1 && itlMs ? [...itlMs] : [])),
  );
  return 3 * (quantile(alone, 0.5) ?? 0);
}

/** {@link slowBandMass} of all requests, as a mean over the captures and over their replays. */
export function slowBandOf(judged: readonly JudgedCapture[], thresholdMs: Ms): SlowBand {
  const massOf = (trace: Trace, sessions: SessionLabels): number[] => {
    const mass = slowBandMass({ trace, sessions }, "all", thresholdMs);
    return mass === undefined ? [] : [mass];
  };
  const captured = mean(judged.flatMap((j) => massOf(j.trace, j.sessions)));
  const modeled = mean(judged.flatMap((j) => j.modeled.flatMap((trace) => massOf(trace, j.sessions))));
  return { ...(captured !== undefined && { captured }), ...(modeled !== undefined && { modeled }) };
}
