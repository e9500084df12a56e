import { formatCount, formatPercent, formatTickMs, rounded } from "./format-quantity.js";
import { type ChartAxis, logAxis, plotlyAxis } from "./log-axis.js";

/** What an axis measures: its unit decides how ticks read. */
export type AxisUnit = "ms" | "count" | "share" | "number";

/** An axis of a chart, before the data are known. */
export interface AxisRequest {
  /** What is measured, without the unit of "ms" and "share" axes: their ticks carry it. */
  readonly title: string;
  readonly unit: AxisUnit;
  /** Default "linear". A logarithmic axis shows positive values only. */
  readonly scale?: "linear" | "log";
  /** Default: the range of the data, widened to round ticks. */
  readonly min?: number;
  readonly max?: number;
}

/** Builds the axis that shows all of `values`, with about five ticks at round numbers. */
export function chartAxis(request: AxisRequest, values: ArrayLike<number>): ChartAxis {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value) || (request.scale === "log" && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = request.scale === "log" ? [1, 10] : [0, 1];
  low = request.min ?? low;
  high = request.max ?? high;
  if (request.scale !== "log") return linearAxis(request, low, high);
  return logAxis(request.title, low, high, tickFormat(request.unit));
}

function linearAxis(request: AxisRequest, low: number, high: number): ChartAxis {
  const span = high - low || Math.abs(high) || 1;
  const step = roundStep(span / 5);
  const min = request.min ?? Math.floor(low / step + 1e-9) * step;
  const max = request.max ?? Math.ceil(high / step - 1e-9) * step;
  const top = max > min ? max : min + step;
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(top / step + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => rounded((first + i) * step));
  return plotlyAxis(request.title, "linear", min, top, ticks, ticks.map(tickFormat(request.unit)));
}

/** The 1, 2 or 5 times a power of ten that is next above. */
function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const lead = atLeast / power;
  return (lead > 5 ? 10 : lead > 2 ? 5 : lead > 1 ? 2 : 1) * power;
}

function tickFormat(unit: AxisUnit): (value: number) => string {
  if (unit === "ms") return formatTickMs;
  if (unit === "share") return (value) => formatPercent(value).replace(".0 %", " %");
  if (unit === "count") return (value) => (Number.isInteger(value) ? formatCount(value) : String(value));
  return String;
}
