import type { ColourName } from "./house-style.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { type ChartSeries, xyChart } from "./xy-chart.js";

/** Counts of requests over time, one entry a change. */
export interface LoadCounts {
  readonly timesMs: ArrayLike<number>;
  /** Requests that the engine works on. */
  readonly running: ArrayLike<number>;
  /** Requests that wait to be admitted. */
  readonly waiting: ArrayLike<number>;
}

export interface LoadChartOptions extends LoadCounts {
  readonly title?: string;
  /** The captured engine's own counts, drawn beside the modeled ones. */
  readonly captured?: LoadCounts;
}

/**
 * Running and waiting requests over time: a waiting line that grows is an engine asked for more than it can do.
 * @example
 * ```ts
 * import { loadChart } from "prefixlab";
 * const figure = loadChart({ timesMs: [0, 1000, 2000], running: [1, 8, 4], waiting: [0, 3, 0] });
 * figure.data.map(({ type }) => type); // → ["scatter", "scatter"]
 * ```
 */
export function loadChart(options: LoadChartOptions): PlotlyFigure {
  const { captured } = options;
  const which = captured ? "modeled: " : "";
  return xyChart({
    title: options.title ?? "Requests in the engine over time",
    x: { title: "time since the start, s", unit: "number", min: 0 },
    y: { title: "requests", unit: "count", min: 0 },
    series: [
      ...(captured ? countSeries(captured, "captured: ", "captured", "captured") : []),
      ...countSeries(options, which, "modeled", captured ? "modeled" : "accent"),
    ],
  });
}

/** Running solid; waiting dashed where colour already says captured or modeled. */
function countSeries(
  counts: LoadCounts,
  which: string,
  running: ColourName,
  waiting: ColourName,
): ChartSeries[] {
  const x = Array.from(counts.timesMs, (ms) => ms / 1000);
  const dashed = running === waiting;
  return [
    { label: [`${which}running`], x, y: counts.running, colour: running, draw: "step" },
    { label: [`${which}waiting`], x, y: counts.waiting, colour: waiting, draw: "step", dashed },
  ];
}
