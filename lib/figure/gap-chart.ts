import { type Ms, quantileSorted, sortedCopy } from "../base/index.js";
import { formatCount, formatMs } from "./format-quantity.js";
import type { ColourName } from "./house-style.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { xyChart } from "./xy-chart.js";

/** Inter-token gaps of one source. */
export interface GapSeries {
  readonly label: string;
  readonly gapsMs: ArrayLike<number>;
  readonly colour: ColourName;
  readonly dashed?: boolean;
}

const points = 300;

/**
 * Inter-token gaps as cumulative shares: the step up at the left is the clean decode gap, the tail at the right the
 * gaps in which someone else's prefill ran. Drawn from 300 quantiles (definition 7).
 * @example
 * ```ts
 * import { gapChart } from "prefixlab";
 * const figure = gapChart({ series: [{ label: "captured", gapsMs: [4.6, 4.7, 5.1, 31], colour: "captured" }] });
 * figure.data.length; // → 1
 * ```
 */
export function gapChart(options: {
  readonly title?: string;
  readonly series: readonly GapSeries[];
  readonly referenceMs?: Ms;
}): PlotlyFigure {
  const shares = Array.from({ length: points + 1 }, (_, i) => i / points);
  return xyChart({
    title: options.title ?? "Gaps between output tokens",
    subtitle: "share of inter-token gaps (ITL) no longer than x",
    x: { title: "inter-token gap (ITL)", unit: "ms", scale: "log" },
    y: { title: "share of gaps", unit: "share", min: 0, max: 1 },
    series: options.series
      .filter(({ gapsMs }) => gapsMs.length > 0)
      .map(({ label, gapsMs, colour, dashed }) => {
        const sorted = sortedCopy(gapsMs);
        const median = quantileSorted(sorted, 0.5) as number;
        return {
          label: [label, `median ${formatMs(median)}, n = ${formatCount(sorted.length)}`],
          x: shares.map((share) => quantileSorted(sorted, share) as number),
          y: shares,
          colour,
          draw: "line" as const,
          ...(dashed ? { dashed } : {}),
        };
      }),
    ...(options.referenceMs === undefined
      ? {}
      : { marks: [{ axis: "x" as const, value: options.referenceMs, text: formatMs(options.referenceMs) }] }),
  });
}
