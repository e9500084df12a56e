import { type Bytes, type Ms, type Tokens, toGib } from "../base/index.js";
import { formatCount, formatPercent } from "./format-quantity.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { type ChartSeries, xyChart } from "./xy-chart.js";

/** What {@link memoryFigure} draws. Shares are of prompt tokens. */
export interface MemoryFigureOptions {
  readonly title?: string;
  readonly rows: readonly {
    readonly poolTokens: Tokens;
    readonly lru: number;
    readonly optimum: number;
    /** Found in the pool and in the tiers behind it. */
    readonly withTiers?: number;
  }[];
  /** What a pool without end would find. */
  readonly unbounded: number;
  readonly kneeTokens: Tokens;
  readonly requests: number;
  /** Puts the pool in GiB. */
  readonly bytesPerToken?: Bytes;
}

/**
 * Share of prompt tokens found against the size of the pool: least recently used blocks given up first, the best that any
 * policy could do, and with tiers behind the pool.
 * @example
 * ```ts
 * import { memoryFigure } from "prefixlab/figure";
 * const rows = [{ poolTokens: 1000, lru: 0.2, optimum: 0.3 }, { poolTokens: 9000, lru: 0.6, optimum: 0.6 }];
 * memoryFigure({ rows, unbounded: 0.6, kneeTokens: 4000, requests: 40 }).data.length; // → 2
 * ```
 */
export function memoryFigure(options: MemoryFigureOptions): PlotlyFigure {
  const { rows, unbounded, kneeTokens, requests } = options;
  const { sizeOf, unit, axisUnit } = poolScale(options.bytesPerToken);
  const x = rows.map(({ poolTokens }) => sizeOf(poolTokens));
  const tiers = rows.map(({ withTiers }) => withTiers);
  const series: ChartSeries[] = [
    {
      label: ["best possible"],
      x,
      y: rows.map(({ optimum }) => optimum),
      colour: "muted",
      draw: "line",
      dashed: true,
    },
    ...(tiers.every((share) => share !== undefined)
      ? [
          {
            label: ["LRU with the tiers behind"],
            x,
            y: tiers as number[],
            colour: "accent",
            draw: "line",
          } as const,
        ]
      : []),
    { label: ["LRU"], x, y: rows.map(({ lru }) => lru), colour: "modeled", draw: "line" },
  ];
  const knee = sizeOf(kneeTokens);
  return xyChart({
    title: options.title ?? "How much memory the prefix cache needs",
    subtitle: `share of prompt tokens found, ${formatCount(requests)} requests served one after another`,
    x: { title: `pool, ${unit}`, unit: axisUnit, scale: "log" },
    y: { title: "hit rate", unit: "share", min: 0, max: topOf(unbounded) },
    series,
    marks: [
      { axis: "y", value: unbounded, text: `sent before: ${formatPercent(unbounded)}` },
      {
        axis: "x",
        value: knee,
        text: `knee: ${axisUnit === "count" ? formatCount(knee) : Number(knee.toPrecision(3))} ${unit}`,
      },
    ],
  });
}

/** What {@link ttftByPoolFigure} draws. */
export interface TtftByPoolFigureOptions {
  readonly title?: string;
  readonly rows: readonly {
    readonly poolTokens: Tokens;
    readonly ttftMs: { readonly p50: Ms; readonly p99: Ms };
  }[];
  /** Puts the pool in GiB. */
  readonly bytesPerToken?: Bytes;
  readonly requests: number;
}

/**
 * TTFT against the size of the pool, as replays have it.
 * @example
 * ```ts
 * import { ttftByPoolFigure } from "prefixlab/figure";
 * const rows = [{ poolTokens: 1000, ttftMs: { p50: 400, p99: 2000 } }, { poolTokens: 9000, ttftMs: { p50: 40, p99: 90 } }];
 * ttftByPoolFigure({ rows, requests: 40 }).data.length; // → 2
 * ```
 */
export function ttftByPoolFigure(options: TtftByPoolFigureOptions): PlotlyFigure {
  const { rows, requests } = options;
  const { sizeOf, unit, axisUnit } = poolScale(options.bytesPerToken);
  const x = rows.map(({ poolTokens }) => sizeOf(poolTokens));
  return xyChart({
    title: options.title ?? "What a larger pool does to time to first token",
    subtitle: `${formatCount(requests)} requests replayed with pools of ${rows.length} sizes`,
    x: { title: `pool, ${unit}`, unit: axisUnit, scale: "log" },
    y: { title: "TTFT", unit: "ms", scale: "log" },
    series: [
      { label: ["p99"], x, y: rows.map(({ ttftMs }) => ttftMs.p99), colour: "accent", draw: "line" },
      { label: ["p50"], x, y: rows.map(({ ttftMs }) => ttftMs.p50), colour: "modeled", draw: "line" },
    ],
  });
}

/** What {@link timeToLiveFigure} draws. */
export interface TimeToLiveFigureOptions {
  readonly title?: string;
  readonly share: (timeToLiveMs: Ms) => number;
  readonly longestIdleMs: Ms;
  readonly unbounded: number;
  readonly requests: number;
}

/**
 * Share of prompt tokens found against how long a block is kept after its last use, from a tenth of a second to the
 * longest time after which anything is used again; the points of 1 minute, 5 minutes and 1 hour are named.
 * @example
 * ```ts
 * import { timeToLiveFigure } from "prefixlab/figure";
 * const share = (ms: number) => Math.min(0.8, ms / 100_000);
 * timeToLiveFigure({ share, longestIdleMs: 80_000, unbounded: 0.8, requests: 40 }).data.length; // → 1
 * ```
 */
export function timeToLiveFigure(options: TimeToLiveFigureOptions): PlotlyFigure {
  const { share, longestIdleMs, unbounded, requests } = options;
  const fromMs = 100;
  const toMs = Math.max(10 * fromMs, longestIdleMs * 1.2);
  const points = 200;
  const times = Array.from({ length: points }, (_, k) => fromMs * (toMs / fromMs) ** (k / (points - 1)));
  const named = (
    [
      ["1 min", 60_000],
      ["5 min", 300_000],
      ["1 h", 3_600_000],
    ] as const
  ).filter(([, ms]) => ms < toMs);
  return xyChart({
    title: options.title ?? "How long a prompt has to stay",
    subtitle: `share of prompt tokens found where each block is kept this long after its last use, ${formatCount(requests)} requests`,
    x: { title: "time to live", unit: "ms", scale: "log" },
    y: { title: "hit rate", unit: "share", min: 0, max: topOf(unbounded) },
    series: [{ x: times, y: times.map(share), colour: "modeled", draw: "step" }],
    marks: [
      { axis: "y", value: unbounded, text: `kept for good: ${formatPercent(unbounded)}` },
      ...named.map(([name, ms]) => ({
        axis: "x" as const,
        value: ms,
        text: `${name}: ${formatPercent(share(ms))}`,
      })),
    ],
  });
}

/** A tenth above what can be found, so that small shares are seen and the axis still begins at nothing. */
function topOf(share: number): number {
  return Math.min(1, Math.ceil(share * 10 + 0.5) / 10);
}

/** Pools in GiB where the bytes of a token are told, else in tokens. */
function poolScale(bytesPerToken: Bytes | undefined) {
  return bytesPerToken === undefined
    ? { sizeOf: (tokens: Tokens) => tokens, unit: "tokens", axisUnit: "count" as const }
    : {
        sizeOf: (tokens: Tokens) => toGib(tokens * bytesPerToken),
        unit: "GiB",
        axisUnit: "number" as const,
      };
}
