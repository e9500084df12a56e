import type { AxisRequest } from "./chart-axis.js";
import type { ColourName } from "./house-style.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { type ChartMark, xyChart } from "./xy-chart.js";

/** One line of a sweep: the same measure at each value of the parameter. */
export interface SweepSeries {
  readonly label: string;
  readonly points: readonly {
    readonly value: number;
    readonly result: number;
    /** Interval over seeds. */
    readonly low?: number;
    readonly high?: number;
  }[];
  readonly colour: ColourName;
  readonly dashed?: boolean;
}

export interface SweepChartOptions {
  readonly title: string;
  readonly subtitle?: string;
  readonly parameter: AxisRequest;
  readonly result: AxisRequest;
  readonly series: readonly SweepSeries[];
  readonly marks?: readonly ChartMark[];
}

/**
 * Results of what-if runs against the parameter that was varied.
 * @example
 * ```ts
 * import { sweepChart } from "prefixlab";
 * const points = [{ value: 1, result: 40 }, { value: 2, result: 180 }];
 * const figure = sweepChart({
 *   title: "TTFT by load",
 *   parameter: { title: "sessions per second", unit: "number" },
 *   result: { title: "TTFT p99", unit: "ms" },
 *   series: [{ label: "modeled", points, colour: "modeled" }],
 * });
 * figure.data.length; // → 1
 * ```
 */
export function sweepChart(options: SweepChartOptions): PlotlyFigure {
  return xyChart({
    title: options.title,
    ...(options.subtitle ? { subtitle: options.subtitle } : {}),
    x: options.parameter,
    y: options.result,
    series: options.series.map(({ label, points, colour, dashed }) => ({
      label: [label],
      x: points.map(({ value }) => value),
      y: points.map(({ result }) => result),
      colour,
      draw: "line",
      ...(dashed ? { dashed } : {}),
      ...(points.every(({ low, high }) => low !== undefined && high !== undefined)
        ? { lower: points.map(({ low }) => low as number), upper: points.map(({ high }) => high as number) }
        : {}),
    })),
    ...(options.marks ? { marks: options.marks } : {}),
  });
}
