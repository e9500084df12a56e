import { InputError } from "../base/index.js";
import { rounded } from "./format-quantity.js";
import { baseLayout, seriesColour, seriesLine, translucent } from "./house-style.js";
import { logProbabilityAxis, logTimeAxis } from "./log-axis.js";
import type { FigureJson, PlotlyFigure, PlotlyTrace } from "./plotly-figure.js";
import { panelTexts, type SurvivalAxes } from "./survival-labels.js";
import type { SurvivalPanel, SurvivalSeries } from "./survival-series.js";

export interface SurvivalPanelsOptions {
  readonly panels: readonly SurvivalPanel[];
  readonly title?: string;
  readonly subtitle?: string;
  /** Default 1040. */
  readonly widthPx?: number;
  /** Default 470. */
  readonly heightPx?: number;
}

const margin = { l: 66, r: 44, t: 88, b: 58 };
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
  const { panels } = options;
  if (panels.length === 0)
    throw new InputError("survivalPanels: panels must hold at least one panel, got none");
  const widthPx = options.widthPx ?? 1040;
  const heightPx = options.heightPx ?? 470;
  const layout = baseLayout({
    title: options.title ?? "What the prefix cache does to time to first token",
    subtitle:
      options.subtitle ??
      "share of requests still waiting for their first token after x; bands are pointwise 95 %",
    widthPx,
    heightPx,
    margin,
  });
  const axes = sharedAxes(panels);
  const plotWidth = widthPx - margin.l - margin.r;
  const panelWidth = (plotWidth - gutterPx * (panels.length - 1)) / panels.length;
  const size = { width: panelWidth, height: heightPx - margin.t - margin.b };
  const data: PlotlyTrace[] = [];
  const annotations: FigureJson[] = [...(layout.annotations as readonly FigureJson[])];
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
    annotations.push(...panelTexts(panel, axes, size, suffix));
  });
  return { data, layout: { ...layout, ...axisAttributes, annotations } };
}

function sharedAxes(panels: readonly SurvivalPanel[]): SurvivalAxes {
  let [least, most, floor] = [Number.POSITIVE_INFINITY, 0, 0.1];
  for (const { curve } of panels.flatMap((panel) => panel.series))
    for (let i = 0; i < curve.times.length; i++) {
      const time = curve.times[i];
      const share = curve.survival[i];
      if (time > 0) [least, most] = [Math.min(least, time), Math.max(most, time)];
      if (share > 0) floor = Math.min(floor, share);
    }
  if (most === 0) throw new InputError("survivalPanels: no curve has a point with a positive time");
  return {
    x: logTimeAxis("time to first token (TTFT)", least * 0.9, most * 1.1),
    y: logProbabilityAxis("P(TTFT > x)", Number((floor * 0.7).toPrecision(2))),
  };
}

function seriesTraces(series: SurvivalSeries, axes: SurvivalAxes, suffix: string): PlotlyTrace[] {
  const { curve, kind, cache } = series;
  const where = { xaxis: `x${suffix}`, yaxis: `y${suffix}` };
  const name = `${series.label ?? kind}${cache ? `, cache ${cache}` : ""}`;
  const x = [axes.x.min, ...Array.from(curve.times, rounded)];
  // A curve that reaches zero leaves the logarithmic axis through its floor.
  const bounded = (value: number) => (value > 0 ? rounded(value) : rounded(axes.y.min / 10));
  const traces: PlotlyTrace[] = [];
  if (curve.lower && curve.upper) {
    const band = { type: "scatter", mode: "lines", x, hoverinfo: "skip", ...where };
    const edge = { width: 0, shape: "hv", color: seriesColour(kind) };
    const lower = Array.from(curve.lower, (value) => bounded(Number.isFinite(value) ? value : 0));
    const upper = Array.from(curve.upper, (value) => bounded(Number.isFinite(value) ? value : 1));
    traces.push({ ...band, y: [1, ...lower], line: edge });
    traces.push({
      ...band,
      y: [1, ...upper],
      line: edge,
      fill: "tonexty",
      fillcolor: translucent(seriesColour(kind), kind === "captured" ? 0.13 : 0.16),
    });
  }
  traces.push({
    type: "scatter",
    mode: "lines",
    name,
    x,
    y: [1, ...Array.from(curve.survival, bounded)],
    line: { ...seriesLine(kind, cache), shape: "hv" },
    hovertemplate: `${name}<br>P(TTFT > %{x:,.4r} ms) = %{y:.3f}<extra></extra>`,
    ...where,
  });
  return traces;
}
