import type { Ms, Tokens } from "../base/index.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { xyChart } from "./xy-chart.js";

/** Captured first-token times at low load, and the fitted curve through them. */
export interface ServiceCurveChartOptions {
  readonly title?: string;
  /** Default: what makes these times service and not waiting. */
  readonly subtitle?: string;
  readonly points: readonly { readonly uncachedTokens: Tokens; readonly ttftMs: Ms }[];
  readonly curve?: readonly { readonly uncachedTokens: Tokens; readonly ttftMs: Ms }[];
}

/**
 * TTFT at low load against uncached prompt tokens: the captured requests as points, the fitted curve as a line.
 * @example
 * ```ts
 * import { serviceCurveChart } from "prefixlab";
 * const points = [{ uncachedTokens: 64, ttftMs: 14 }, { uncachedTokens: 1024, ttftMs: 110 }];
 * serviceCurveChart({ points, curve: points }).data.length; // → 2
 * ```
 */
export function serviceCurveChart(options: ServiceCurveChartOptions): PlotlyFigure {
  const { points, curve } = options;
  const axis = (list: ServiceCurveChartOptions["points"]) => ({
    x: list.map(({ uncachedTokens }) => uncachedTokens),
    y: list.map(({ ttftMs }) => ttftMs),
  });
  return xyChart({
    title: options.title ?? "What a prefill costs",
    subtitle:
      options.subtitle ??
      "requests that met an idle engine: their time to first token is service, not waiting",
    x: { title: "uncached prompt tokens", unit: "count", min: 0 },
    y: { title: "time to first token (TTFT)", unit: "ms", min: 0 },
    series: [
      { label: [`captured, n = ${points.length}`], ...axis(points), colour: "captured", draw: "points" },
      ...(curve
        ? [{ label: ["fitted"], ...axis(curve), colour: "modeled" as const, draw: "line" as const }]
        : []),
    ],
  });
}
