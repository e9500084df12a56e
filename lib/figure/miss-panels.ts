import type { Ms } from "../base/index.js";
import { chartAxis } from "./chart-axis.js";
import { formatCount, formatPercent, formatTickMs } from "./format-quantity.js";
import { type BarPiece, type ExplainedRequest, stacked, timeBins, tokensByName } from "./miss-bars.js";
import type { FigureJson } from "./plotly-figure.js";

/** First turns of the groups in which turns are drawn. */
const turnGroups = [1, 2, 3, 4, 5, 9, 17, 33, 65];

/** A panel of bars: what stands where, and its axes. */
export interface MissPanel {
  readonly title: string;
  readonly pieces: readonly BarPiece[];
  readonly x: Readonly<Record<string, FigureJson>>;
  readonly y: Readonly<Record<string, FigureJson>>;
}

/** Tokens a bin of time; where arrivals are not told, of as many requests in a row. */
export function timePanel(
  requests: readonly ExplainedRequest[],
  arrivalMs: (index: number) => Ms | undefined,
): MissPanel {
  const isTimed = requests.every(({ index }) => arrivalMs(index) !== undefined);
  const at = ({ index }: ExplainedRequest) => (isTimed ? (arrivalMs(index) as Ms) : index);
  const first = requests.reduce((least, request) => Math.min(least, at(request)), Number.POSITIVE_INFINITY);
  const { binMs, bins } = timeBins(requests, (request) => at(request) - first);
  const unit = isTimed ? 1000 : 1;
  const tops: number[] = [];
  const pieces = [...bins].flatMap(([bin, own]) => {
    const tokens = tokensByName(own);
    tops.push([...tokens.values()].reduce((sum, count) => sum + count, 0));
    const bar = { at: ((bin + 0.5) * binMs) / unit, width: (0.94 * binMs) / unit, scale: 1 };
    return stacked(tokens, bar, (count) => `${formatCount(count)} tokens`);
  });
  const end = ((Math.max(...bins.keys()) + 1) * binMs) / unit;
  const bin = isTimed ? `${formatTickMs(binMs)} of arrivals` : `${formatCount(binMs)} requests`;
  return {
    title: `prompt tokens in each ${bin}`,
    pieces,
    x: chartAxis(
      {
        title: isTimed ? "time since the first arrival, s" : "request, in the order of the rows",
        unit: "count",
        min: 0,
        max: end,
      },
      [],
    ).attributes,
    y: chartAxis({ title: "", unit: "count", min: 0 }, tops).attributes,
  };
}

/** Shares of prompt tokens by turn; later turns in groups. */
export function turnPanel(requests: readonly ExplainedRequest[], turnOf: ArrayLike<number>): MissPanel {
  const groupOf = ({ index }: ExplainedRequest) =>
    turnGroups.findLastIndex((first) => first <= Math.max(1, turnOf[index]));
  const groups = turnGroups
    .map((first, group) => ({
      first,
      next: turnGroups[group + 1] ?? Number.POSITIVE_INFINITY,
      own: requests.filter((request) => groupOf(request) === group),
    }))
    .filter(({ own }) => own.length > 0);
  const last = requests.reduce((most, { index }) => Math.max(most, turnOf[index]), 1);
  const pieces = groups.flatMap(({ own }, at) => {
    const tokens = tokensByName(own);
    const all = Math.max(
      1,
      [...tokens.values()].reduce((sum, count) => sum + count, 0),
    );
    return stacked(
      tokens,
      { at, width: 0.8, scale: 1 / all },
      (count) => `${formatPercent(count / all)}, ${formatCount(count)} tokens`,
    );
  });
  return {
    title: "of prompt tokens, by turn",
    pieces,
    x: {
      ...chartAxis(
        { title: "turn, and its requests", unit: "number", min: -0.6, max: groups.length - 0.4 },
        [],
      ).attributes,
      tickvals: groups.map((_, at) => at),
      ticktext: groups.map(
        ({ first, next, own }) =>
          `${rangeName(first, Math.min(last, next - 1))}<br>${formatCount(own.length)}`,
      ),
    },
    y: chartAxis({ title: "", unit: "share", min: 0, max: 1 }, []).attributes,
  };
}

function rangeName(first: number, last: number): string {
  return first === last ? String(first) : `${first}-${last}`;
}
