import type { Blocks } from "../base/index.js";
import { formatCount, formatPercent } from "./format-quantity.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { type ChartMark, xyChart } from "./xy-chart.js";

/** The share of prompt tokens found in the cache, by the size of the pool. */
export interface HitRateChartOptions {
  readonly title?: string;
  readonly points: readonly { readonly poolBlocks: Blocks; readonly hitShare: number }[];
  /** What a pool without end would find. */
  readonly unboundedHitShare?: number;
  /** Where more blocks stop paying. */
  readonly kneeBlocks?: Blocks;
}

/**
 * Hit rate against pool size: where it bends, a larger cache stops paying.
 * @example
 * ```ts
 * import { hitRateChart } from "prefixlab";
 * const points = [{ poolBlocks: 100, hitShare: 0.2 }, { poolBlocks: 1000, hitShare: 0.6 }];
 * hitRateChart({ points, unboundedHitShare: 0.7 }).data.length; // → 1
 * ```
 */
export function hitRateChart(options: HitRateChartOptions): PlotlyFigure {
  const { points, unboundedHitShare, kneeBlocks } = options;
  const marks: ChartMark[] = [];
  if (unboundedHitShare !== undefined)
    marks.push({
      axis: "y",
      value: unboundedHitShare,
      text: `unbounded pool: ${formatPercent(unboundedHitShare)}`,
    });
  if (kneeBlocks !== undefined)
    marks.push({ axis: "x", value: kneeBlocks, text: `knee: ${formatCount(kneeBlocks)} blocks` });
  return xyChart({
    title: options.title ?? "How much cache is enough",
    subtitle: "share of prompt tokens found in the cache",
    x: { title: "pool size, blocks", unit: "count", scale: "log" },
    y: { title: "hit rate", unit: "share", min: 0, max: 1 },
    series: [
      {
        x: points.map(({ poolBlocks }) => poolBlocks),
        y: points.map(({ hitShare }) => hitShare),
        colour: "modeled",
        draw: "line",
      },
    ],
    marks,
  });
}
