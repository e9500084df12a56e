import type { Ms, Tokens } from "../base/index.js";
import { rounded } from "./format-quantity.js";
import { missMarker, missStyles } from "./miss-style.js";
import type { PlotlyTrace } from "./plotly-figure.js";

/** A request of which each prompt token is known to have been found, or why it was computed: as `explainMisses` has it. */
export interface ExplainedRequest {
  /** Index of its record. */
  readonly index: number;
  readonly promptTokens: Tokens;
  readonly cachedTokens: Tokens;
  readonly parts: readonly {
    readonly cause: string;
    readonly fromToken: Tokens;
    readonly tokens: Tokens;
    readonly from?: number;
  }[];
}

/** A piece of a bar. */
export interface BarPiece {
  readonly name: string;
  /** Where the bar stands, and how wide it is there. */
  readonly at: number;
  readonly width: number;
  readonly from: number;
  readonly length: number;
  readonly hover: string;
}

/** Bars of pieces, one trace a cause; those of the first panel stand for their cause in the legend. */
export function barTraces(
  pieces: readonly BarPiece[],
  panel: { readonly axes: string; readonly isLegend: boolean; readonly isLying?: boolean },
  label: (name: string) => string,
): PlotlyTrace[] {
  return missStyles.flatMap((style) => {
    const own = pieces.filter(({ name, length }) => name === style.name && length > 0);
    if (own.length === 0) return [];
    const at = own.map((piece) => rounded(piece.at));
    const length = own.map((piece) => rounded(piece.length));
    return [
      {
        type: "bar",
        name: label(style.name),
        legendgroup: style.name,
        showlegend: panel.isLegend,
        orientation: panel.isLying ? "h" : "v",
        x: panel.isLying ? length : at,
        y: panel.isLying ? at : length,
        base: own.map(({ from }) => rounded(from)),
        width: own.map(({ width }) => rounded(width)),
        marker: missMarker(style),
        text: own.map(({ hover }) => hover),
        textposition: "none",
        hovertemplate: `${style.label}: %{text}<extra></extra>`,
        xaxis: `x${panel.axes}`,
        yaxis: `y${panel.axes}`,
      },
    ];
  });
}

/** Tokens of a set of requests by what became of them. */
export function tokensByName(requests: readonly ExplainedRequest[]): Map<string, Tokens> {
  const tokens = new Map<string, Tokens>();
  const add = (name: string, count: Tokens) => tokens.set(name, (tokens.get(name) ?? 0) + count);
  for (const { cachedTokens, parts } of requests) {
    add("cached", cachedTokens);
    for (const part of parts) add(part.cause, part.tokens);
  }
  return tokens;
}

/** A bar's pieces, one upon the other in the order of the styles. */
export function stacked(
  tokens: ReadonlyMap<string, Tokens>,
  bar: { readonly at: number; readonly width: number; readonly scale: number },
  hover: (tokens: Tokens) => string,
): BarPiece[] {
  let from = 0;
  return missStyles.map(({ name }) => {
    const count = tokens.get(name) ?? 0;
    const length = count * bar.scale;
    const piece = { name, at: bar.at, width: bar.width, from, length, hover: hover(count) };
    from += length;
    return piece;
  });
}

/** Items by a number that each has. */
export function grouped<T>(items: readonly T[], keyOf: (item: T) => number): Map<number, readonly T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** Requests in bins of one round length, 60 at most. */
export function timeBins<T>(
  items: readonly T[],
  atMs: (item: T) => Ms,
): { readonly binMs: Ms; readonly bins: ReadonlyMap<number, readonly T[]> } {
  let last = 0;
  for (const item of items) last = Math.max(last, atMs(item));
  const binMs = ROUND_MS.find((ms) => last / ms < 60) ?? ROUND_MS[ROUND_MS.length - 1];
  return { binMs, bins: grouped(items, (item) => Math.floor(atMs(item) / binMs)) };
}

const ROUND_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000),
  ...[1, 2, 6, 12, 24, 7 * 24].map((hours) => hours * 3_600_000),
];
