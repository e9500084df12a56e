import { InputError } from "../base/index.js";
import { type AxisRequest, chartAxis } from "./chart-axis.js";
import { rounded } from "./format-quantity.js";
import { baseLayout, type ColourName, colours, mutedColour, translucent } from "./house-style.js";
import type { ChartAxis } from "./log-axis.js";
import { type PanelPoint, type PanelSize, placeLabels } from "./place-labels.js";
import type { FigureJson, PlotlyFigure, PlotlyTrace } from "./plotly-figure.js";
import { labelWidthPx } from "./text-box.js";

/** One series of a chart, named where it stands. */
export interface ChartSeries {
  /** The direct label: one entry a line. None: the series is not named. */
  readonly label?: readonly string[];
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly colour: ColourName;
  /** A line from point to point, steps that hold each value until the next, or points alone. */
  readonly draw: "line" | "step" | "points";
  readonly dashed?: boolean;
  /** A band around a line, as long as `x`. */
  readonly lower?: ArrayLike<number>;
  readonly upper?: ArrayLike<number>;
}

/** A straight reference line, named at its end. */
export interface ChartMark {
  readonly axis: "x" | "y";
  readonly value: number;
  readonly text: string;
}

export interface XyChartOptions {
  readonly title: string;
  readonly subtitle?: string;
  readonly x: AxisRequest;
  readonly y: AxisRequest;
  readonly series: readonly ChartSeries[];
  readonly marks?: readonly ChartMark[];
  /** Default 760. */
  readonly widthPx?: number;
  /** Default 420. */
  readonly heightPx?: number;
}

const margin = { l: 84, r: 28, t: 74, b: 58 };
const labelSizePx = 12;
const labelLinePx = 15.6;

/**
 * A chart of series over x in the house style: direct labels beside the series, units on the ticks, reference lines
 * named at their ends.
 * @throws InputError when a series has x and y of different lengths
 * @example
 * ```ts
 * import { xyChart } from "prefixlab";
 * const figure = xyChart({
 *   title: "Decode gap by concurrency",
 *   x: { title: "running requests", unit: "count" },
 *   y: { title: "ITL p50", unit: "ms" },
 *   series: [{ label: ["captured"], x: [1, 2, 4], y: [3.6, 4.1, 5.0], colour: "captured", draw: "line" }],
 * });
 * figure.data.length; // → 1
 * ```
 */
export function xyChart(options: XyChartOptions): PlotlyFigure {
  const { series } = options;
  for (const { x, y } of series)
    if (x.length !== y.length)
      throw new InputError(`xyChart: x and y must be equally long, got ${x.length} and ${y.length}`);
  const widthPx = options.widthPx ?? 760;
  const heightPx = options.heightPx ?? 420;
  const layout = baseLayout({ ...options, widthPx, heightPx, margin });
  const marks = options.marks ?? [];
  const valuesOf = (axis: "x" | "y") => [
    ...series.flatMap((one) => Array.from(one[axis])),
    ...marks.filter((mark) => mark.axis === axis).map(({ value }) => value),
  ];
  const x = chartAxis(options.x, valuesOf("x"));
  const y = chartAxis(options.y, valuesOf("y"));
  const size = { width: widthPx - margin.l - margin.r, height: heightPx - margin.t - margin.b };
  return {
    data: series.flatMap(seriesTraces),
    layout: {
      ...layout,
      xaxis: x.attributes,
      yaxis: y.attributes,
      shapes: marks.map(markLine),
      annotations: [
        ...(layout.annotations as readonly FigureJson[]),
        ...marks.map((mark) => markText(mark, mark.axis === "x" ? x : y)),
        ...directLabels(series, x, y, size),
      ],
    },
  };
}

function seriesTraces(series: ChartSeries): PlotlyTrace[] {
  const color = colours[series.colour];
  const x = Array.from(series.x, rounded);
  const name = series.label?.join(" ") ?? "";
  const shape = series.draw === "step" ? "hv" : "linear";
  const traces: PlotlyTrace[] = [];
  if (series.lower && series.upper) {
    const band = { type: "scatter", mode: "lines", x, hoverinfo: "skip", line: { width: 0, shape, color } };
    traces.push({ ...band, y: Array.from(series.lower, rounded) });
    const fill = { fill: "tonexty", fillcolor: translucent(color, 0.15) };
    traces.push({ ...band, ...fill, y: Array.from(series.upper, rounded) });
  }
  traces.push({
    type: "scatter",
    mode: series.draw === "points" ? "markers" : "lines",
    name,
    x,
    y: Array.from(series.y, rounded),
    line: { color, width: 2, shape, dash: series.dashed ? "6px,4px" : "solid" },
    marker: {
      color: translucent(color, series.x.length > 100 ? 0.45 : 0.8),
      size: series.x.length > 100 ? 5 : 7,
    },
    hovertemplate: `${name}<br>%{x:,.5~g}, %{y:,.5~g}<extra></extra>`,
  });
  return traces;
}

function markLine({ axis, value }: ChartMark): FigureJson {
  const line = { color: mutedColour, width: 1, dash: "2px,3px" };
  const at = rounded(value);
  return axis === "x"
    ? { type: "line", xref: "x", yref: "y domain", x0: at, x1: at, y0: 0, y1: 1, line, layer: "below" }
    : { type: "line", xref: "x domain", yref: "y", x0: 0, x1: 1, y0: at, y1: at, line, layer: "below" };
}

/** An x mark is named above the plot, a y mark at its right end. */
function markText({ axis, value, text }: ChartMark, scale: ChartAxis): FigureJson {
  const at = scale.coordinateAt(scale.position(value));
  const rest = { text, showarrow: false, font: { size: 11, color: mutedColour }, borderpad: 0 };
  return axis === "x"
    ? { ...rest, xref: "x", yref: "y domain", x: at, y: 1, xanchor: "center", yanchor: "bottom" }
    : { ...rest, xref: "x domain", yref: "y", x: 1, y: at, xanchor: "right", yanchor: "bottom" };
}

function directLabels(
  series: readonly ChartSeries[],
  x: ChartAxis,
  y: ChartAxis,
  size: PanelSize,
): FigureJson[] {
  const named = series.flatMap(({ label, colour }, index) => (label ? [{ label, colour, index }] : []));
  const boxes = placeLabels(
    size,
    series.map((one) => seriesPixels(one, x, y, size)),
    named.map(({ label, index }) => ({
      forms: [
        {
          width: Math.max(...label.map((line) => labelWidthPx(line, labelSizePx))) + 4,
          height: label.length * labelLinePx,
        },
      ],
      curves: [index],
    })),
  );
  return named.flatMap(({ label, colour }, at) =>
    label.map((text, line) => ({
      text,
      x: x.coordinateAt((boxes[at]?.x ?? 0) / size.width),
      y: y.coordinateAt(1 - (boxes[at]?.y ?? 0) / size.height),
      yshift: (0 - line) * labelLinePx,
      xref: "x",
      yref: "y",
      xanchor: "left",
      yanchor: "top",
      showarrow: false,
      borderpad: 0,
      font: { size: labelSizePx, color: colours[colour] },
    })),
  );
}

function seriesPixels(series: ChartSeries, x: ChartAxis, y: ChartAxis, size: PanelSize): PanelPoint[] {
  const points: PanelPoint[] = [];
  for (let i = 0; i < series.x.length; i++) {
    const at = {
      x: x.position(series.x[i]) * size.width,
      y: (1 - y.position(series.y[i])) * size.height,
    };
    const last = points[points.length - 1];
    if (series.draw === "step" && last) points.push({ x: at.x, y: last.y });
    // Points alone have no line between them: a doubled vertex keeps the label off the marker.
    if (series.draw === "points") points.push({ x: Number.NaN, y: Number.NaN }, at);
    points.push(at);
  }
  return points;
}
