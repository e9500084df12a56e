import { InputError, type Tokens } from "../base/index.js";
import { chartAxis } from "./chart-axis.js";
import { formatCount, rounded } from "./format-quantity.js";
import { hashTree, type NamedChain } from "./hash-tree.js";
import { baseLayout, colours, inkColour, modeledColour } from "./house-style.js";
import type { FigureJson, PlotlyFigure, PlotlyTrace } from "./plotly-figure.js";

export interface HashTreeChartOptions {
  readonly title?: string;
  /** The prompts, each with its name and block ids. */
  readonly chains: readonly NamedChain[];
  /** Tokens a block, for the subtitle. */
  readonly blockSize: Tokens;
}

const margin = { l: 28, r: 110, t: 74, b: 58 };

/**
 * The prefix tree of a few prompts: blocks from left to right, a fork where prompts part, a dot where one ends. A
 * line is black where several prompts share it and blue where one is alone.
 * @throws InputError when no prompt has a block
 * @example
 * ```ts
 * import { hashTreeChart } from "prefixlab";
 * const chains = [{ name: "turn 1", blockIds: [0, 1, 2] }, { name: "turn 2", blockIds: [0, 1, 2, 3] }];
 * hashTreeChart({ chains, blockSize: 16 }).data.length; // → 3
 * ```
 */
export function hashTreeChart(options: HashTreeChartOptions): PlotlyFigure {
  const segments = hashTree(options.chains);
  if (segments.length === 0) throw new InputError("hashTreeChart: no prompt has a full block");
  const rows = Math.max(...segments.map(({ row }) => row)) + 1;
  const longest = Math.max(...segments.map(({ to }) => to));
  const layout = baseLayout({
    title: options.title ?? "The prefix tree of the prompts",
    subtitle: `blocks of ${options.blockSize} tokens; black where prompts share a block, blue where one is alone`,
    widthPx: 900,
    heightPx: margin.t + margin.b + Math.max(2, rows) * 64,
    margin,
  });
  const data: PlotlyTrace[] = segments.map(({ from, to, row, parentRow, chains }) => ({
    type: "scatter",
    mode: "lines",
    x: parentRow === undefined || parentRow === row ? [from, to] : [from, from, to],
    y: parentRow === undefined || parentRow === row ? [row, row] : [parentRow, row, row],
    line: { color: chains.length > 1 ? inkColour : modeledColour, width: chains.length > 1 ? 6 : 4 },
    hovertemplate: `blocks ${from} to ${to}, in ${chains.length} prompts<extra></extra>`,
  }));
  const ends = segments.filter(({ endings }) => endings.length > 0);
  data.push({
    type: "scatter",
    mode: "markers",
    x: ends.map(({ to }) => to),
    y: ends.map(({ row }) => row),
    marker: { size: 11, color: "#ffffff", line: { color: inkColour, width: 2 } },
    hoverinfo: "skip",
  });
  const label = (x: number, row: number, text: string, color: string, rest: object): FigureJson => ({
    text,
    x,
    y: row,
    showarrow: false,
    borderpad: 0,
    font: { size: 12, color },
    ...rest,
  });
  return {
    data,
    layout: {
      ...layout,
      xaxis: chartAxis({ title: "blocks of the prompt", unit: "count", min: 0, max: longest * 1.02 }, [])
        .attributes,
      yaxis: { visible: false, range: [rounded(rows - 0.4), -0.6], fixedrange: true },
      annotations: [
        ...(layout.annotations as readonly FigureJson[]),
        ...segments
          .filter(({ from, to }) => (to - from) / longest > 0.09)
          .map(({ from, to, row, chains }) =>
            label(
              (from + to) / 2,
              row,
              `${formatCount(to - from)} blocks`,
              chains.length > 1 ? inkColour : colours.modeled,
              {
                yanchor: "bottom",
                yshift: 5,
              },
            ),
          ),
        ...ends.map(({ to, row, endings }) =>
          label(to, row, endings.join(", "), inkColour, { yanchor: "top", yshift: -8, xanchor: "center" }),
        ),
      ],
    },
  };
}
