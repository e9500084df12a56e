import { InputError } from "../base/index.js";
import { rounded } from "./format-quantity.js";
import {
  baseLayout,
  colours,
  type FigureMargin,
  mutedColour,
  seriesColour,
  seriesLine,
  translucent,
} from "./house-style.js";
import { logProbabilityAxis, logTimeAxis } from "./log-axis.js";
import type { FigureJson, PlotlyFigure, PlotlyTrace } from "./plotly-figure.js";
import { panelTexts, type SurvivalAxes } from "./survival-labels.js";
import type { SurvivalMark, SurvivalPanel, SurvivalSeries } from "./survival-series.js";

export interface SurvivalPanelsOptions {
  readonly panels: readonly SurvivalPanel[];
  readonly marks?: readonly SurvivalMark[];
  readonly title?: string;
  readonly subtitle?: string;
  /** A line below the panels. */
  readonly footnote?: string;
  /** Default 1040. */
  readonly widthPx?: number;
  /** Default 470. */
  readonly heightPx?: number;
}

const usualMargin = { l: 66, r: 44, t: 88, b: 58 };
const footnotePx = 30;
const gutterPx = 78;

/**
 * Survival curves of TTFT, P(TTFT > x), as log-log step curves with pointwise bands, one panel a cohort. Captured is
 * black and modeled blue, cache on solid, off dashed and not known dotted; the direct labels carry medians and n. All panels share
 * their axes.
 * @throws InputError when there is no panel, or no curve has a point with a positive time
 * @example
 * ```ts
 * import { survivalPanels } from "prefixlab";
 * const curve = { times: [30, 36, 48], survival: [0.667, 0.333, 0] };
 * const series = [{ kind: "captured" as const, cache: "on" as const, curve, n: 3, censored: 0, medianMs: 36 }];
 * survivalPanels({ panels: [{ title: "Turns 2+", series }] }).data.length; // → 1
 * ```
 */
export function survivalPanels(options: SurvivalPanelsOptions): PlotlyFigure {
  const { panels, marks = [] } = options;
  if (panels.length === 0)
    throw new InputError("survivalPanels: panels must hold at least one panel, got none");
  const widthPx = options.widthPx ?? 1040;
  const heightPx = options.heightPx ?? 470;
  const { footnote } = options;
  const margin = { ...usualMargin, b: usualMargin.b + (footnote === undefined ? 0 : footnotePx) };
  const layout = baseLayout({
    title: options.title ?? "What the prefix cache does to time to first token",
    subtitle:
      options.subtitle ??
      "share of requests still waiting for their first token after x; bands are pointwise 95 %",
    widthPx,
    heightPx,
    margin,
  });
  const axes = sharedAxes(panels, marks);
  const plotWidth = widthPx - margin.l - margin.r;
  const panelWidth = (plotWidth - gutterPx * (panels.length - 1)) / panels.length;
  const size = { width: panelWidth, height: heightPx - margin.t - margin.b };
  const data: PlotlyTrace[] = [];
  const annotations: FigureJson[] = [...(layout.annotations as readonly FigureJson[])];
  if (footnote !== undefined) annotations.push(footnoteText(footnote, margin));
  const axisAttributes: Record<string, FigureJson> = {};
  panels.forEach((panel, index) => {
    const suffix = index === 0 ? "" : String(index + 1);
    const left = (index * (panelWidth + gutterPx)) / plotWidth;
    axisAttributes[`xaxis${suffix}`] = {
      ...axes.x.attributes,
      domain: [rounded(left), rounded(left + panelWidth / plotWidth)],
      anchor: `y${suffix}`,
    };
    axisAttributes[`yaxis${suffix}`] = {
      ...axes.y.attributes,
      ...(index === 0 ? {} : { title: { text: "" } }),
      anchor: `x${suffix}`,
    };
    data.push(...panel.series.flatMap((series) => seriesTraces(series, axes, suffix)));
    annotations.push(...panelTexts(panel, axes, size, suffix, marks));
  });
  const shapes = panels.flatMap((_, index) => marks.map((mark) => markLine(mark, index)));
  return {
    data,
    layout: { ...layout, ...axisAttributes, annotations, ...(shapes.length > 0 && { shapes }) },
  };
}

function footnoteText(text: string, margin: FigureMargin): FigureJson {
  return {
    text,
    showarrow: false,
    font: { size: 12, color: mutedColour },
    xref: "paper",
    yref: "paper",
    x: 0,
    y: 0,
    xanchor: "left",
    yanchor: "bottom",
    align: "left",
    xshift: 16 - margin.l,
    yshift: 8 - margin.b,
  };
}

function markLine({ timeMs }: SurvivalMark, panel: number): FigureJson {
  const suffix = panel === 0 ? "" : String(panel + 1);
  const at = rounded(timeMs);
  return {
    type: "line",
    xref: `x${suffix}`,
    yref: `y${suffix} domain`,
    x0: at,
    x1: at,
    y0: 0,
    y1: 1,
    line: { color: mutedColour, width: 1, dash: "2px,3px" },
    layer: "below",
  };
}

function sharedAxes(panels: readonly SurvivalPanel[], marks: readonly SurvivalMark[]): SurvivalAxes {
  let [least, most, floor] = [Number.POSITIVE_INFINITY, 0, 0.1];
  for (const { curve } of panels.flatMap((panel) => panel.series))
    for (let i = 0; i < curve.times.length; i++) {
      const time = curve.times[i];
      const share = curve.survival[i];
      if (time > 0) [least, most] = [Math.min(least, time), Math.max(most, time)];
      if (share > 0) floor = Math.min(floor, share);
    }
  for (const { timeMs } of marks) most = most === 0 ? 0 : Math.max(most, timeMs);
  if (most === 0) throw new InputError("survivalPanels: no curve has a point with a positive time");
  return {
    x: logTimeAxis("time to first token (TTFT)", least * 0.9, most * 1.1),
    y: logProbabilityAxis("P(TTFT > x)", Number((floor * 0.7).toPrecision(2))),
  };
}

function seriesTraces(series: SurvivalSeries, axes: SurvivalAxes, suffix: string): PlotlyTrace[] {
  const { curve, kind, cache, style = {} } = series;
  const colour = style.colour ? colours[style.colour] : seriesColour(kind);
  const where = { xaxis: `x${suffix}`, yaxis: `y${suffix}` };
  const name = `${series.label ?? kind}${cache ? `, cache ${cache}` : ""}`;
  const x = [axes.x.min, ...Array.from(curve.times, rounded)];
  // A curve that reaches zero leaves the logarithmic axis through its floor.
  const bounded = (value: number) => (value > 0 ? rounded(value) : rounded(axes.y.min / 10));
  const traces: PlotlyTrace[] = [];
  if (curve.lower && curve.upper) {
    const band = { type: "scatter", mode: "lines", x, hoverinfo: "skip", ...where };
    const edge = { width: 0, shape: "hv", color: colour };
    const lower = Array.from(curve.lower, (value) => bounded(Number.isFinite(value) ? value : 0));
    const upper = Array.from(curve.upper, (value) => bounded(Number.isFinite(value) ? value : 1));
    traces.push({ ...band, y: [1, ...lower], line: edge });
    traces.push({
      ...band,
      y: [1, ...upper],
      line: edge,
      fill: "tonexty",
      fillcolor: translucent(colour, kind === "captured" ? 0.13 : 0.16),
    });
  }
  const hovertemplate = `${name}<br>P(TTFT > %{x:,.4r} ms) = %{y:.3f}<extra></extra>`;
  if (style.draw === "points") {
    traces.push({
      type: "scatter",
      mode: "markers",
      name,
      x: x.slice(1),
      y: Array.from(curve.survival, bounded),
      marker: { color: colour, size: 7, symbol: "diamond-open" },
      hovertemplate,
      ...where,
    });
    return traces;
  }
  traces.push({
    type: "scatter",
    mode: "lines",
    name,
    x,
    y: [1, ...Array.from(curve.survival, bounded)],
    line: {
      ...seriesLine(kind, cache),
      color: colour,
      ...(style.dash !== undefined && { dash: style.dash }),
      ...(style.widthPx !== undefined && { width: style.widthPx }),
      shape: "hv",
    },
    hovertemplate,
    ...where,
  });
  return traces;
}
