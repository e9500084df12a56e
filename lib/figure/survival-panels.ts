import { InputError, type Ms } from "../base/index.js";
import { formatCount, formatMs, rounded } from "./format-quantity.js";
import {
  baseLayout,
  type CacheState,
  mutedColour,
  type SeriesKind,
  seriesColour,
  seriesLine,
  translucent,
} from "./house-style.js";
import { type ChartAxis, logProbabilityAxis, logTimeAxis } from "./log-axis.js";
import { type PanelPoint, type PanelSize, placeLabels } from "./place-labels.js";
import type { FigureJson, PlotlyFigure, PlotlyTrace } from "./plotly-figure.js";
import { labelWidthPx } from "./text-box.js";

/** A survival curve as plain arrays: after `times[i]` (ms, ascending) the curve stands at `survival[i]`. */
export interface SurvivalCurveData {
  readonly times: ArrayLike<number>;
  readonly survival: ArrayLike<number>;
  /** Pointwise confidence band, as long as `times`. A bound that is not finite is drawn at the edge. */
  readonly lower?: ArrayLike<number>;
  readonly upper?: ArrayLike<number>;
}

/** One curve of a panel. */
export interface SurvivalSeries {
  readonly kind: SeriesKind;
  readonly cache: CacheState;
  readonly curve: SurvivalCurveData;
  /** Requests behind the curve, censored ones included. */
  readonly n: number;
  /** Of these: failed, timed out, or still running when the capture ended. */
  readonly censored: number;
  /** Undefined where the curve never falls to one half. */
  readonly medianMs?: Ms;
  /** First word of the direct label. Default: the kind. */
  readonly label?: string;
}

/** One panel: a cohort of requests. */
export interface SurvivalPanel {
  readonly title: string;
  readonly series: readonly SurvivalSeries[];
}

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
const labelSizePx = 12;
const labelLinePx = 15.6;

/**
 * Survival curves of TTFT, P(TTFT > x), as log-log step curves with pointwise bands, one panel a cohort. Captured is
 * black and modeled blue, cache on solid and off dashed; the direct labels carry medians and n. All panels share
 * their axes.
 * @throws InputError when there is no panel, or no curve has a point with a positive time
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

interface Axes {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
}

function sharedAxes(panels: readonly SurvivalPanel[]): Axes {
  const all = panels.flatMap((panel) => panel.series);
  const times = all.flatMap(({ curve }) => Array.from(curve.times)).filter((time) => time > 0);
  if (times.length === 0) throw new InputError("survivalPanels: no curve has a point with a positive time");
  const shares = all.flatMap(({ curve }) => Array.from(curve.survival)).filter((share) => share > 0);
  const floor = Math.min(0.1, ...shares) * 0.7;
  return {
    x: logTimeAxis("time to first token (TTFT)", Math.min(...times) * 0.9, Math.max(...times) * 1.1),
    y: logProbabilityAxis("P(TTFT > x)", Number(floor.toPrecision(2))),
  };
}

function seriesTraces(series: SurvivalSeries, axes: Axes, suffix: string): PlotlyTrace[] {
  const { curve, kind, cache } = series;
  const where = { xaxis: `x${suffix}`, yaxis: `y${suffix}` };
  const name = `${series.label ?? kind}, cache ${cache}`;
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

/** The panel's title, its quantile marks at the right edge, and the direct labels. */
function panelTexts(panel: SurvivalPanel, axes: Axes, size: PanelSize, suffix: string): FigureJson[] {
  const place = (attributes: Readonly<Record<string, FigureJson>>): FigureJson => ({
    xref: `x${suffix} domain`,
    yref: `y${suffix} domain`,
    showarrow: false,
    ...attributes,
  });
  const texts: FigureJson[] = [
    place({
      text: `<b>${panel.title}</b>`,
      x: 0,
      y: 1,
      xanchor: "left",
      yanchor: "bottom",
      yshift: 6,
      font: { size: 13 },
    }),
  ];
  for (const [share, text] of [
    [0.5, "p50"],
    [0.1, "p90"],
    [0.01, "p99"],
  ] as const) {
    if (share < axes.y.min) continue;
    const font = { size: 11, color: mutedColour };
    texts.push(
      place({ text, x: 1, y: rounded(axes.y.position(share)), xanchor: "left", yanchor: "middle", font }),
    );
  }
  const curves = panel.series.map((series) => curvePixels(series, axes, size));
  const blocks = (["on", "off"] as const)
    .map((cache) => labelBlock(panel, cache))
    .filter((block) => block.curves.length > 0);
  const areas = panel.series.flatMap((series) => bandPoints(series, axes, size));
  placeLabels(size, curves, blocks, areas).forEach((box, at) => {
    blocks[at]?.forms[box.form]?.lines.forEach(({ text, color }, line) => {
      texts.push(
        place({
          text,
          x: rounded(box.x / size.width),
          y: rounded(1 - (box.y + line * labelLinePx) / size.height),
          xanchor: "left",
          yanchor: "top",
          align: "left",
          borderpad: 0,
          font: { size: labelSizePx, color },
        }),
      );
    });
  });
  return texts;
}

interface LabelLine {
  readonly text: string;
  readonly color: string;
}

/** The direct label of the curves with the same cache state: one line a curve, or two or three where space is short. */
function labelBlock(panel: SurvivalPanel, cache: CacheState) {
  const curves = panel.series.flatMap((series, index) => (series.cache === cache ? [index] : []));
  const heading = {
    text: `<b>cache ${cache}, ${cache === "on" ? "solid" : "dashed"}</b>`,
    color: mutedColour,
  };
  const parts = curves.map((index) => {
    const { kind, label, medianMs, n, censored } = panel.series[index] as SurvivalSeries;
    return {
      who: label ?? kind,
      median: medianMs === undefined ? "median not reached" : `median ${formatMs(medianMs)}`,
      count: `n = ${formatCount(n)}`,
      lost: censored > 0 ? `, ${formatCount(censored)} censored` : "",
      color: seriesColour(kind),
    };
  });
  const wide = parts.map(({ who, median, count, lost, color }) => ({
    text: `${who}: ${median}, ${count}${lost}`,
    color,
  }));
  const narrow = parts.flatMap(({ who, median, count, lost, color }) => [
    { text: `${who}: ${median}`, color },
    { text: `${count}${lost}`, color },
  ]);
  const slim = parts.flatMap(({ who, median, count, lost, color }) =>
    [who, median, `${count}${lost}`].map((text) => ({ text, color })),
  );
  return { curves, forms: [wide, narrow, slim].map((lines) => labelForm([heading, ...lines])) };
}

function labelForm(lines: readonly LabelLine[]) {
  const widths = lines.map(({ text }) =>
    labelWidthPx(text.replace(/<.*?>/g, ""), labelSizePx, text.startsWith("<b>")),
  );
  return { lines, width: Math.max(...widths) + 4, height: lines.length * labelLinePx };
}

/** Points inside the band of a curve, eight pixels apart. */
function bandPoints({ curve }: SurvivalSeries, axes: Axes, size: PanelSize): PanelPoint[] {
  const { times, lower, upper } = curve;
  if (!lower || !upper) return [];
  const across = (time: number) => axes.x.position(time) * size.width;
  const down = (share: number) => (1 - axes.y.position(Math.max(share, axes.y.min))) * size.height;
  const points: PanelPoint[] = [];
  for (let i = 0; i + 1 < times.length; i++) {
    if (!((times[i] as number) > 0) || !Number.isFinite(upper[i])) continue;
    const right = across(times[i + 1] as number);
    const bottom = down(Number.isFinite(lower[i]) ? (lower[i] as number) : 0);
    for (let x = across(times[i] as number); x <= right; x += 8)
      for (let y = down(upper[i] as number); y <= bottom; y += 8) points.push({ x, y });
  }
  return points;
}

/** The step vertices of a curve in pixels from the panel's top left corner. */
function curvePixels(series: SurvivalSeries, axes: Axes, size: PanelSize): PanelPoint[] {
  const points: PanelPoint[] = [];
  const add = (time: number, share: number) =>
    points.push({
      x: axes.x.position(time) * size.width,
      y: (1 - axes.y.position(Math.max(share, axes.y.min))) * size.height,
    });
  add(axes.x.min, 1);
  let share = 1;
  for (let i = 0; i < series.curve.times.length; i++) {
    const time = series.curve.times[i] as number;
    if (!(time > 0)) continue;
    add(time, share);
    share = series.curve.survival[i] as number;
    add(time, share);
  }
  return points;
}
