import { InputError, type Tokens } from "../base/index.js";
import type { Workload } from "../sessions/index.js";
import { chartAxis } from "./chart-axis.js";
import { formatCount, formatPercent } from "./format-quantity.js";
import { baseLayout, inkColour, mutedColour } from "./house-style.js";
import { barTraces, type ExplainedRequest, tokensByName } from "./miss-bars.js";
import { timePanel, turnPanel } from "./miss-panels.js";
import { lostTokens, missStyles } from "./miss-style.js";
import type { FigureJson, PlotlyFigure, PlotlyTrace } from "./plotly-figure.js";
import { departures, type SessionStrip, sessionStrip, stripPieces } from "./session-strip.js";
import { labelWidthPx } from "./text-box.js";

/** What `explainMisses` says of a workload, as far as it is drawn. */
export interface ExplainedMisses {
  readonly requests: readonly ExplainedRequest[];
}

/** How to draw it. */
export interface MissFigureOptions {
  /** Where the numbers come from, the first words of the subtitle: "recorded", "simulated". Default: not said. */
  readonly kind?: string;
  /** Session (of `sessions.session`) in the lower panel. Default: the one in which the most tokens were lost. */
  readonly session?: number;
  /** Default 1000; 560 at least. */
  readonly widthPx?: number;
}

const margin = { l: 84, r: 28, b: 58 };
const upperPx = 250;
const betweenPx = 92;
const rowPx = 19;
const legendLinePx = 21;
const titlePx = 62;

/**
 * Where prompt tokens came from and why the others were computed: over time, by turn, and in one session, whose prompts
 * are bars with each cause in its place and a mark where a prompt leaves the one before it.
 * @throws InputError when no request is explained, or none of the session
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { explainMisses } from "prefixlab/explain";
 * import { missFigure } from "prefixlab/figure";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * // In a notebook: await display(figure).
 * const figure = missFigure(explainMisses(workload), workload);
 * [figure.layout.width, figure.data[0].name]; // → [1000, "cached 90.5 %"]
 * ```
 */
export function missFigure(
  { requests }: ExplainedMisses,
  { trace, sessions }: Workload,
  options: MissFigureOptions = {},
): PlotlyFigure {
  if (requests.length === 0)
    throw new InputError("missFigure: no request tells what it found in the cache: there is nothing to draw");
  const strip = sessionStrip(requests, sessions, options.session);
  if (!strip)
    throw new InputError(
      `missFigure: session ${options.session} has no request that is explained; sessions count from 0 to ${Math.max(...sessions.session)}`,
    );
  const widthPx = Math.max(560, options.widthPx ?? 1000);
  const totals = tokensByName(requests);
  const promptTokens = [...totals.values()].reduce((sum, tokens) => sum + tokens, 0);
  const label = (name: string) => {
    const share = (totals.get(name) ?? 0) / promptTokens;
    const shown = share < 0.0005 ? "under 0.1 %" : formatPercent(share);
    return `${missStyles.find((style) => style.name === name)?.label} ${shown}`;
  };
  const names = missStyles.map(({ name }) => name).filter((name) => (totals.get(name) ?? 0) > 0);
  const legendPx = legendLines(names.map(label), widthPx - margin.l - margin.r) * legendLinePx;
  const stripPx = Math.max(3, strip.requests.length) * rowPx;
  const under = subtitle(requests.length, promptTokens, options.kind, widthPx - 32);
  const top = titlePx + (under.length - 1) * legendLinePx + legendPx + 34;
  const plotPx = upperPx + betweenPx + stripPx;
  const layout = baseLayout({
    title: headline(requests, promptTokens),
    subtitle: under.join("<br>"),
    widthPx,
    heightPx: top + plotPx + margin.b,
    margin: { ...margin, t: top },
  });
  const time = timePanel(requests, (index) => trace.records[index].arrivalMs);
  const turn = turnPanel(requests, sessions.turn);
  const upper = [rounded3((plotPx - upperPx) / plotPx), 1];
  const lower = [0, rounded3(stripPx / plotPx)];
  return {
    data: [
      ...barTraces(time.pieces, { axes: "", isLegend: true }, label),
      ...barTraces(turn.pieces, { axes: "2", isLegend: false }, label),
      ...barTraces(stripPieces(strip), { axes: "3", isLegend: false, isLying: true }, label),
      departureMarks(strip),
    ],
    layout: {
      ...layout,
      showlegend: true,
      barmode: "overlay",
      bargap: 0,
      legend: {
        orientation: "h",
        x: 0,
        xanchor: "left",
        y: rounded3(1 + (34 + legendPx) / plotPx),
        yanchor: "top",
        traceorder: "normal",
        itemwidth: 30,
        font: { size: 12 },
      },
      xaxis: { ...time.x, domain: [0, 0.6], anchor: "y", showgrid: false },
      yaxis: { ...time.y, domain: upper, anchor: "x" },
      xaxis2: { ...turn.x, domain: [0.7, 1], anchor: "y2", showgrid: false, ticks: "" },
      yaxis2: { ...turn.y, domain: upper, anchor: "x2" },
      xaxis3: {
        ...chartAxis(
          { title: "tokens from the prompt's start", unit: "count", min: 0 },
          strip.requests.map((request) => request.promptTokens),
        ).attributes,
        domain: [0, 1],
        anchor: "y3",
      },
      yaxis3: { ...stripRows(strip, sessions.turn), domain: lower, anchor: "x3" },
      annotations: [
        ...(layout.annotations as readonly FigureJson[]),
        panelTitle("x", 1, time.title),
        panelTitle("x2", 1, turn.title),
        panelTitle("x3", lower[1], stripTitle(strip)),
      ],
    },
  };
}

/** A row a request, named by its turn, the first at the top. */
function stripRows({ requests }: SessionStrip, turn: ArrayLike<number>): Record<string, FigureJson> {
  const axis = chartAxis({ title: "turn", unit: "count", min: 0, max: requests.length }, []).attributes;
  return {
    ...axis,
    range: [requests.length - 0.4, -0.6],
    tickvals: requests.map((_, row) => row),
    ticktext: requests.map(({ index }) => String(turn[index])),
    ticks: "",
    showgrid: false,
  };
}

function departureMarks(strip: SessionStrip): PlotlyTrace {
  const marks = departures(strip);
  return {
    type: "scatter",
    mode: "markers",
    name: "leaves the prompt before",
    showlegend: false,
    x: marks.map(({ token }) => token),
    y: marks.map(({ row }) => row - 0.36),
    xaxis: "x3",
    yaxis: "y3",
    cliponaxis: false,
    marker: { symbol: "triangle-down", size: 9, color: inkColour, line: { width: 1, color: "#ffffff" } },
    hovertemplate: "leaves the prompt before at token %{x:,d}<extra></extra>",
  };
}

function headline(requests: readonly ExplainedRequest[], promptTokens: number): string {
  const cached = requests.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0);
  const lost = requests.reduce((sum, { parts }) => sum + lostTokens(parts), 0);
  const found = `${formatPercent(cached / promptTokens)} of prompt tokens were cached`;
  return lost === 0
    ? `${found}, none were lost`
    : `${found}, ${formatPercent(lost / promptTokens)} were lost${mostly(requests, lost)}`;
}

/** The cause of more than half of what was lost. */
function mostly(requests: readonly ExplainedRequest[], lost: Tokens): string {
  const tokens = tokensByName(requests);
  const found = missStyles.find(({ name, part }) => part === "lost" && (tokens.get(name) ?? 0) > lost / 2);
  return found ? `: mostly ${found.label}` : "";
}

/** On one line, or on two where it is too wide. */
function subtitle(n: number, promptTokens: number, kind: string | undefined, widthPx: number): string[] {
  const counts = `${kind ? `${kind}; ` : ""}n = ${formatCount(n)} requests, ${formatCount(promptTokens)} prompt tokens`;
  const lost = "lost: an earlier prompt should have left them in the cache";
  const line = `${counts}; ${lost}`;
  return labelWidthPx(line, 12.5) > widthPx ? [counts, lost] : [line];
}

function stripTitle(strip: SessionStrip): string {
  const { session, requests, requestCount, lostTokens: lost } = strip;
  const marks = departures(strip).length > 0 ? "; triangle: leaves the prompt before" : "";
  const shown =
    requests.length < requestCount ? `${requests.length} of its ${requestCount}` : String(requestCount);
  return `session ${session}, ${shown} requests, ${formatCount(lost)} tokens lost${marks}`;
}

function panelTitle(xAxis: string, y: number, text: string): FigureJson {
  return {
    text,
    showarrow: false,
    xref: `${xAxis} domain`,
    yref: "paper",
    x: 0,
    y,
    xanchor: "left",
    yanchor: "bottom",
    yshift: 6,
    borderpad: 0,
    font: { size: 12.5, color: mutedColour },
  };
}

/** Lines that a legend of these labels takes: what does not fit on one is set in columns of one width. */
function legendLines(labels: readonly string[], widthPx: number): number {
  const widths = labels.map((label) => labelWidthPx(label, 12) + 56);
  const all = widths.reduce((sum, width) => sum + width, 0);
  return all <= widthPx
    ? 1
    : Math.ceil(labels.length / Math.max(1, Math.floor(widthPx / Math.max(...widths))));
}

function rounded3(value: number): number {
  return Number(value.toFixed(3));
}
