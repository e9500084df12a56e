import type { PlotlyFigure } from "./plotly-figure.js";
import { xyChart } from "./xy-chart.js";

/** Counts of requests over time, one entry a change. */
export interface LoadChartOptions {
  readonly title?: string;
  readonly timesMs: ArrayLike<number>;
  /** Requests that the engine works on. */
  readonly running: ArrayLike<number>;
  /** Requests that wait to be admitted. */
  readonly waiting: ArrayLike<number>;
}

/** Running and waiting requests over time: a waiting line that grows is an engine asked for more than it can do. */
export function loadChart(options: LoadChartOptions): PlotlyFigure {
  const { timesMs, running, waiting } = options;
  const x = Array.from(timesMs, (ms) => ms / 1000);
  return xyChart({
    title: options.title ?? "Requests in the engine over time",
    x: { title: "time since the start, s", unit: "number", min: 0 },
    y: { title: "requests", unit: "count", min: 0 },
    series: [
      { label: ["running"], x, y: running, colour: "modeled", draw: "step" },
      { label: ["waiting"], x, y: waiting, colour: "accent", draw: "step" },
    ],
  });
}
