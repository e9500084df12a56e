import type { PlotlyFigure } from "./plotly-figure.js";
import type { SurvivalCurveData } from "./survival-series.js";
import { xyChart } from "./xy-chart.js";

/** Three answers to one question: what clients saw, and what two ways of pacing a replay say. */
export interface PacingChartOptions {
  readonly title: string;
  readonly captured: SurvivalCurveData;
  readonly sessionPaced: SurvivalCurveData;
  readonly openLoop: SurvivalCurveData;
}

/**
 * P(TTFT > x) of one cohort, captured, and replayed session-paced and open loop. Times in ms.
 * @example
 * ```ts
 * import { pacingChart } from "prefixlab";
 * const captured = { times: [36, 430], survival: [0.5, 0] };
 * const openLoop = { times: [50, 900], survival: [0.5, 0] };
 * pacingChart({ title: "Turns 2+", captured, sessionPaced: captured, openLoop }).data.length; // → 3
 * ```
 */
export function pacingChart(options: PacingChartOptions): PlotlyFigure {
  const { captured, sessionPaced, openLoop } = options;
  const positive = (curve: SurvivalCurveData) => {
    // A logarithmic axis has no place for the last drop to zero.
    const kept = Array.from(curve.times, (_, i) => i).filter((i) => curve.survival[i] > 0);
    return { x: kept.map((i) => curve.times[i]), y: kept.map((i) => curve.survival[i]) };
  };
  return xyChart({
    title: options.title,
    subtitle: "share of requests still waiting for their first token after x",
    x: { title: "time to first token (TTFT)", unit: "ms", scale: "log" },
    y: { title: "P(TTFT > x)", unit: "share", scale: "log" },
    series: [
      { label: ["captured"], ...positive(captured), colour: "captured", draw: "step" },
      { label: ["modeled, session-paced"], ...positive(sessionPaced), colour: "modeled", draw: "step" },
      { label: ["modeled, open loop"], ...positive(openLoop), colour: "accent", draw: "step", dashed: true },
    ],
  });
}
