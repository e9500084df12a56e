import { InputError, type Ms } from "../base/index.js";
import { chartAxis } from "./chart-axis.js";
import { formatCount, formatMs, formatPercent, rounded } from "./format-quantity.js";
import { baseAxis, baseLayout, inkColour } from "./house-style.js";
import { type ChartAxis, logTimeAxis } from "./log-axis.js";
import { missMarker, missStyles } from "./miss-style.js";
import type { FigureJson, PlotlyFigure, PlotlyTrace } from "./plotly-figure.js";
import { labelWidthPx } from "./text-box.js";

/** A number with its limits; what is not known is undefined. */
export interface DrawnInterval {
  readonly estimate: number | undefined;
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

/** What `compareRouters` says, as far as it is drawn. */
export interface DrawnComparison {
  readonly replicas: number;
  readonly sessions: number;
  readonly level: number;
  readonly outcomes: readonly {
    readonly router: string;
    readonly shares: {
      readonly delivered: DrawnInterval;
      readonly lostToEviction: DrawnInterval;
      readonly lostToRouting: DrawnInterval;
    };
    readonly ttftMs: { readonly p50: DrawnInterval; readonly p99: DrawnInterval };
  }[];
}

const rowPx = 34;
const gapShare = 0.06;
const splitShare = 0.5;
/** Parts of what was offered, from the axis outwards; colours and hatches are those of the causes in `missFigure`. */
const parts = [
  { key: "delivered", style: "cached", label: "found" },
  { key: "lostToEviction", style: "evicted", label: "lost to eviction" },
  { key: "lostToRouting", style: "elsewhere", label: "lost to routing" },
] as const;
const quantiles = [
  { key: "p50", symbol: "circle", label: "p50", shift: -0.14 },
  { key: "p99", symbol: "diamond-open", label: "p99", shift: 0.14 },
] as const;

/**
 * Routers under one another: of the prompt tokens that one pool without bound would have found, those that were found and those
 * lost to eviction and to routing; and TTFT, p50 filled and p99 open. Whiskers are the intervals over sessions.
 * @throws InputError when there is no router to draw
 * @example
 * ```ts
 * import { latencyProfile, readCapture, workloadOf } from "prefixlab";
 * import { compareRouters } from "prefixlab/judge";
 * import { routerFigure } from "prefixlab/figure";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const model = latencyProfile("h200-qwen3-8b");
 * const routers = ["round-robin", "sticky"];
 * // In a notebook: await display(figure).
 * const figure = routerFigure(compareRouters(workload, { model, replicas: 4, routers }));
 * figure.data.length; // → 6
 * ```
 */
export function routerFigure(
  comparison: DrawnComparison,
  options: { readonly title?: string; readonly subtitle?: string; readonly widthPx?: number } = {},
): PlotlyFigure {
  const { outcomes, replicas, sessions, level } = comparison;
  if (outcomes.length === 0) throw new InputError("routerFigure: outcomes must hold a router, got none");
  const widthPx = Math.max(640, options.widthPx ?? 1000);
  const names = outcomes.map(({ router }) => router);
  const margin = {
    l: Math.min(300, 24 + Math.max(...names.map((name) => labelWidthPx(name, 13)))),
    r: 28,
    t: 92,
    b: 54,
  };
  const heightPx = margin.t + margin.b + rowPx * Math.max(3, names.length);
  const layout = baseLayout({
    title: options.title ?? headline(comparison),
    subtitle:
      options.subtitle ??
      `modeled, ${formatCount(replicas)} replicas; whiskers: ${formatPercent(level).replace(".0", "")} over ${formatCount(sessions)} sessions, the same arrivals for each router`,
    widthPx,
    heightPx,
    margin,
  });
  const share = chartAxis(
    { title: "of prompt tokens", unit: "share", min: 0 },
    outcomes.map(({ shares }) => parts.reduce((sum, { key }) => sum + (shares[key].estimate ?? 0), 0)),
  );
  const time = timeAxis(comparison);
  const rows = {
    range: [names.length - 0.45, -0.55],
    tickvals: names.map((_, row) => row),
    ticks: "",
    showgrid: false,
  };
  return {
    data: [...shareTraces(comparison), shareWhiskers(comparison), ...(time ? timeTraces(comparison) : [])],
    layout: {
      ...layout,
      showlegend: true,
      barmode: "overlay",
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom", font: { size: 12 } },
      xaxis: { ...share.attributes, domain: [0, splitShare - gapShare / 2], anchor: "y" },
      yaxis: { ...baseAxis(""), ...rows, ticktext: names, anchor: "x" },
      ...(time && {
        xaxis2: { ...time.attributes, domain: [splitShare + gapShare / 2, 1], anchor: "y2" },
        yaxis2: { ...baseAxis(""), ...rows, ticktext: names.map(() => ""), anchor: "x2" },
      }),
      annotations: [...(layout.annotations as readonly FigureJson[])],
    },
  };
}

/** From the router that does worst to the one that does best, by what was found and by the median wait. */
function headline({ outcomes }: DrawnComparison): string {
  const range = (
    of: (outcome: DrawnComparison["outcomes"][number]) => number | undefined,
    show: (value: number) => string,
    isBetter: (a: number, b: number) => boolean,
  ) => {
    const known = outcomes.flatMap((one) => {
      const value = of(one);
      return value === undefined ? [] : [{ name: one.router, value }];
    });
    if (known.length === 0) return "not known";
    const best = known.reduce((a, b) => (isBetter(b.value, a.value) ? b : a));
    const worst = known.reduce((a, b) => (isBetter(a.value, b.value) ? b : a));
    const named = ({ name, value }: typeof best) => `${show(value)} (${name})`;
    return best.value === worst.value ? named(best) : `${named(worst)} to ${named(best)}`;
  };
  const hits = range(
    ({ shares }) => shares.delivered.estimate,
    formatPercent,
    (a, b) => a > b,
  );
  const waits = range(
    ({ ttftMs }) => ttftMs.p50.estimate,
    formatMs,
    (a, b) => a < b,
  );
  return `Hits ${hits}; TTFT p50 ${waits}`;
}

function shareTraces({ outcomes }: DrawnComparison): PlotlyTrace[] {
  const base = new Float64Array(outcomes.length);
  return parts.map(({ key, style, label }) => {
    const lengths = outcomes.map(({ shares }) => Math.max(0, shares[key].estimate ?? 0));
    const trace: PlotlyTrace = {
      type: "bar",
      orientation: "h",
      name: label,
      x: lengths.map(rounded),
      y: outcomes.map((_, row) => row),
      base: Array.from(base, rounded),
      width: 0.62,
      marker: missMarker(missStyles.find(({ name }) => name === style) as (typeof missStyles)[number]),
      text: lengths.map((share, row) => `${outcomes[row].router}: ${formatPercent(share)}`),
      textposition: "none",
      hovertemplate: `${label}, %{text}<extra></extra>`,
    };
    lengths.forEach((share, row) => {
      base[row] += share;
    });
    return trace;
  });
}

/** Upon the bars, which would hide them. */
function shareWhiskers({ outcomes }: DrawnComparison): PlotlyTrace {
  const delivered = outcomes.map(({ shares }) => shares.delivered);
  return {
    type: "scatter",
    mode: "markers",
    showlegend: false,
    hoverinfo: "skip",
    x: delivered.map(({ estimate }) => rounded(estimate ?? 0)),
    y: outcomes.map((_, row) => row),
    marker: { size: 1, color: inkColour },
    error_x: whiskers(delivered),
  };
}

function timeTraces({ outcomes }: DrawnComparison): PlotlyTrace[] {
  return quantiles.map(({ key, symbol, label, shift }) => {
    const rows = outcomes
      .map(({ router, ttftMs }, row) => ({ router, row, interval: ttftMs[key] }))
      .filter(({ interval }) => (interval.estimate ?? 0) > 0);
    return {
      type: "scatter",
      mode: "markers",
      name: `TTFT ${label}`,
      x: rows.map(({ interval }) => rounded(interval.estimate as Ms)),
      y: rows.map(({ row }) => row + shift),
      error_x: whiskers(rows.map(({ interval }) => interval)),
      marker: { symbol, size: 8, color: inkColour },
      text: rows.map(({ router, interval }) => `${router}: ${formatMs(interval.estimate as Ms)}`),
      hovertemplate: `TTFT ${label}, %{text}<extra></extra>`,
      xaxis: "x2",
      yaxis: "y2",
    };
  });
}

/** A limit that is not known is drawn as none. */
function whiskers(intervals: readonly DrawnInterval[]): FigureJson {
  const reach = (interval: DrawnInterval, limit: number | undefined) =>
    limit === undefined || interval.estimate === undefined ? 0 : rounded(Math.abs(limit - interval.estimate));
  return {
    type: "data",
    symmetric: false,
    array: intervals.map((interval) => reach(interval, interval.upper)),
    arrayminus: intervals.map((interval) => reach(interval, interval.lower)),
    color: inkColour,
    thickness: 1.25,
    width: 4,
  };
}

/** Undefined where no request had a first token. */
function timeAxis({ outcomes }: DrawnComparison): ChartAxis | undefined {
  const values = outcomes
    .flatMap(({ ttftMs }) =>
      quantiles.flatMap(({ key }) => Object.values(ttftMs[key]) as (number | undefined)[]),
    )
    .filter((ms): ms is number => ms !== undefined && ms > 0);
  return values.length === 0
    ? undefined
    : logTimeAxis("time to first token (TTFT)", Math.min(...values) * 0.95, Math.max(...values) * 1.05);
}
