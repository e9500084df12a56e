import { InputError, type Ms, type Tokens } from "../base/index.js";
import { chartAxis } from "./chart-axis.js";
import { formatCount, formatMs, rounded } from "./format-quantity.js";
import { baseLayout, gridColour, inkColour, modeledColour, mutedColour } from "./house-style.js";
import type { FigureJson, PlotlyFigure } from "./plotly-figure.js";

/** One request, as a trace records it. */
export interface RequestTimelineOptions {
  readonly title?: string;
  readonly promptTokens: Tokens;
  readonly cachedTokens?: Tokens;
  readonly ttftMs: Ms;
  readonly itlMs: ArrayLike<number>;
}

const margin = { l: 96, r: 28, t: 74, b: 58 };

/**
 * One request's life: above, its prompt in tokens, the cached part pale and the part that was computed dark; below,
 * the time from arrival to first token as a bar and each output token as a mark.
 * @throws InputError when the cached tokens exceed the prompt
 * @example
 * ```ts
 * import { requestTimelineChart } from "prefixlab";
 * const figure = requestTimelineChart({ promptTokens: 1480, cachedTokens: 1344, ttftMs: 49.7, itlMs: [3.6, 3.7] });
 * figure.data.length; // → 1
 * ```
 */
export function requestTimelineChart(options: RequestTimelineOptions): PlotlyFigure {
  const { promptTokens, ttftMs } = options;
  const cachedTokens = options.cachedTokens ?? 0;
  if (cachedTokens > promptTokens)
    throw new InputError(
      `requestTimelineChart: ${cachedTokens} cached tokens exceed a prompt of ${promptTokens}`,
    );
  const tokenTimes = [ttftMs];
  for (let i = 0; i < options.itlMs.length; i++) tokenTimes.push(tokenTimes[i] + options.itlMs[i]);
  const endMs = tokenTimes[tokenTimes.length - 1];
  const layout = baseLayout({
    title: options.title ?? "One request's life",
    subtitle: `prompt ${formatCount(promptTokens)} tokens, ${formatCount(cachedTokens)} of them from the cache; ${formatCount(tokenTimes.length)} output tokens`,
    widthPx: 900,
    heightPx: 330,
    margin,
  });
  const bar = (axes: string, x0: number, x1: number, fillcolor: string): FigureJson => ({
    type: "rect",
    xref: `x${axes}`,
    yref: `y${axes} domain`,
    x0: rounded(x0),
    x1: rounded(x1),
    y0: 0.2,
    y1: 0.8,
    line: { width: 0 },
    fillcolor,
  });
  const text = (axes: string, label: string, x: number, y: number, rest: object): FigureJson => ({
    text: label,
    showarrow: false,
    borderpad: 0,
    font: { size: 12 },
    xref: `x${axes}`,
    yref: `y${axes} domain`,
    x: rounded(x),
    y,
    ...rest,
  });
  const rowName = (axes: string, label: string): FigureJson =>
    text(axes, label, 0, 0.5, { xref: "paper", xanchor: "right", yanchor: "middle", xshift: -12 });
  const hiddenAxis = {
    showticklabels: false,
    showgrid: false,
    zeroline: false,
    range: [0, 1],
    fixedrange: true,
  };
  const uncached = promptTokens - cachedTokens;
  const decodeGap = endMs > ttftMs ? (endMs - ttftMs) / (tokenTimes.length - 1) : undefined;
  return {
    data: [
      {
        type: "scatter",
        mode: "markers",
        xaxis: "x2",
        yaxis: "y2",
        name: "output tokens",
        x: tokenTimes.map(rounded),
        y: tokenTimes.map(() => 0.5),
        marker: {
          symbol: "line-ns-open",
          size: 18,
          color: inkColour,
          line: { width: 1.2, color: inkColour },
        },
        hovertemplate: "token at %{x:,.5~g} ms<extra></extra>",
      },
    ],
    layout: {
      ...layout,
      xaxis: {
        ...chartAxis({ title: "tokens", unit: "count", min: 0, max: promptTokens }, []).attributes,
        anchor: "y",
        showgrid: false,
      },
      xaxis2: {
        ...chartAxis({ title: "time since arrival", unit: "ms", min: 0, max: endMs * 1.02 }, []).attributes,
        anchor: "y2",
      },
      yaxis: { ...hiddenAxis, domain: [0.68, 1], anchor: "x" },
      yaxis2: { ...hiddenAxis, domain: [0, 0.34], anchor: "x2" },
      shapes: [
        bar("", 0, cachedTokens, gridColour),
        bar("", cachedTokens, promptTokens, modeledColour),
        bar("2", 0, ttftMs, modeledColour),
      ],
      annotations: [
        ...(layout.annotations as readonly FigureJson[]),
        rowName("", "prompt"),
        rowName("2", "time"),
        ...(cachedTokens > 0
          ? [
              text("", `cached: ${formatCount(cachedTokens)}`, 0, 0.84, {
                xanchor: "left",
                yanchor: "bottom",
                font: { size: 12, color: mutedColour },
              }),
            ]
          : []),
        text("", `computed: ${formatCount(uncached)}`, promptTokens, 0.84, {
          xanchor: "right",
          yanchor: "bottom",
          font: { size: 12, color: modeledColour },
        }),
        text("2", `TTFT ${formatMs(ttftMs)}`, 0, 0.84, {
          xanchor: "left",
          yanchor: "bottom",
          font: { size: 12, color: modeledColour },
        }),
        ...(decodeGap === undefined
          ? []
          : [
              text("2", `mean gap ${formatMs(decodeGap)}`, endMs, 0.84, {
                xanchor: "right",
                yanchor: "bottom",
              }),
            ]),
      ],
    },
  };
}
