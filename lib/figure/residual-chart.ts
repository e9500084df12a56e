import type { Ms } from "../base/index.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { xyChart } from "./xy-chart.js";

/** What a fit predicts, and what was observed. */
export interface PredictedObserved {
  readonly predictedMs: Ms;
  readonly observedMs: Ms;
}

/**
 * Residuals of a fit, (observed - predicted) / predicted, against the prediction: a cloud around zero without a
 * trend is what a fit should leave. Pairs that are not positive cannot be shown and are counted in the subtitle.
 * @example
 * ```ts
 * import { residualChart } from "prefixlab";
 * const pairs = [{ predictedMs: 36, observedMs: 38 }, { predictedMs: 430, observedMs: 410 }];
 * residualChart({ pairs }).data.length; // → 1
 * ```
 */
export function residualChart(options: {
  readonly title?: string;
  readonly pairs: readonly PredictedObserved[];
}): PlotlyFigure {
  const pairs = options.pairs.filter(({ predictedMs, observedMs }) => predictedMs > 0 && observedMs > 0);
  const left = options.pairs.length - pairs.length;
  return xyChart({
    title: options.title ?? "What the fit leaves unexplained",
    subtitle: `n = ${pairs.length}${left > 0 ? `, ${left} left out as not positive` : ""}; 0 is a perfect prediction`,
    x: { title: "predicted", unit: "ms", scale: "log" },
    y: { title: "(observed - predicted) / predicted", unit: "share" },
    series: [
      {
        x: pairs.map(({ predictedMs }) => predictedMs),
        y: pairs.map(({ predictedMs, observedMs }) => observedMs / predictedMs - 1),
        colour: "captured",
        draw: "points",
      },
    ],
    marks: [{ axis: "y", value: 0, text: "exact" }],
  });
}
