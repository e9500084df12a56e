import type { DrawnSurvival, ExploreAnswer } from "../explore-answer.js";
import type { ExploreHitCurve, ExploreReuse } from "../explore-reuse.js";
import { grouped, short, showMs, showShare } from "./format.js";
import { seeThrough, type Theme } from "./theme.js";

/** A figure as plotly takes it. */
export interface PageFigure {
  readonly data: readonly object[];
  readonly layout: Readonly<Record<string, unknown>>;
  readonly legend: readonly LegendEntry[];
  /** What the figure shows, for who does not see it. */
  readonly says: string;
}

/** What a colour and a dash stand for, above a figure: plotly's own legend is the slowest part of its drawing. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: string;
  /** A line with its dashes as SVG has them, a diamond, or a bar with a pattern. */
  readonly draw: "line" | "diamond" | "bar";
  readonly widthPx?: number;
  readonly dash?: string;
}

const fontFamily = "Inter, Helvetica Neue, Arial, sans-serif";

function layoutOf(theme: Theme, height: number, rest: Readonly<Record<string, unknown>>) {
  return {
    height,
    autosize: true,
    margin: { l: 58, r: 16, t: 8, b: 46 },
    font: { family: fontFamily, size: 12, color: theme.ink },
    paper_bgcolor: theme.paper,
    plot_bgcolor: theme.paper,
    hovermode: "closest",
    showlegend: false,
    hoverlabel: { font: { family: fontFamily } },
    ...rest,
  };
}

function axis(theme: Theme, title: string, rest: Readonly<Record<string, unknown>> = {}) {
  return {
    title: { text: title, standoff: 8, font: { size: 12 } },
    showline: true,
    linecolor: theme.muted,
    linewidth: 1,
    ticks: "outside",
    ticklen: 4,
    tickcolor: theme.muted,
    gridcolor: theme.grid,
    zeroline: false,
    ...rest,
  };
}

/** Whole powers of ten as times: "10 ms", "1 s". */
function timeTicks(least: number, most: number) {
  const first = Math.floor(Math.log10(Math.max(least, 1e-3)));
  const last = Math.ceil(Math.log10(Math.max(most, 1)));
  const powers = Array.from({ length: last - first + 1 }, (_, k) => 10 ** (first + k));
  const between = powers.length <= 3 ? powers.flatMap((ms) => [ms, 2 * ms, 5 * ms]) : powers;
  return {
    tickvals: between,
    ticktext: between.map((ms) => (ms >= 1000 ? `${grouped(ms / 1000)} s` : `${short(ms)} ms`)),
  };
}

/** Curves of one cohort: what was captured, the engine as it was captured, and the chosen one. */
export interface SurvivalCurves {
  readonly captured: DrawnSurvival | undefined;
  readonly before: DrawnSurvival | undefined;
  readonly modeled: DrawnSurvival | undefined;
}

/** Share of requests that still wait for their first token, on logarithmic axes: a step down is a first token. */
export function survivalFigure(
  theme: Theme,
  { captured, before, modeled }: SurvivalCurves,
  range: readonly [least: number, most: number],
): PageFigure {
  const told = [captured, before, modeled].flatMap((curve) => curve ?? []);
  const n = told.reduce((most, curve) => Math.max(most, curve.n), 1);
  const floor = 0.7 / n;
  const y = (value: number) => (value > 0 ? value : floor / 10);
  const line = (curve: DrawnSurvival | undefined, name: string, style: object, hover = true) =>
    curve
      ? [
          {
            type: "scatter",
            mode: "lines",
            name,
            x: [range[0], ...curve.times],
            y: [1, ...Array.from(curve.survival, y)],
            line: { shape: "hv", ...style },
            hovertemplate: hover
              ? `${name}: %{y:.1%} wait longer than %{x:.4~g} ms<extra></extra>`
              : undefined,
          },
        ]
      : [];
  const band = (curve: DrawnSurvival | undefined, colour: string) => {
    if (!curve) return [];
    const edge = {
      type: "scatter",
      mode: "lines",
      hoverinfo: "skip",
      showlegend: false,
      x: [range[0], ...curve.times],
    };
    const width = { width: 0, shape: "hv", color: colour };
    const bound = (values: Float64Array, otherwise: number) => [
      1,
      ...Array.from(values, (value) => y(Number.isFinite(value) ? value : otherwise)),
    ];
    return [
      { ...edge, y: bound(curve.lower, 0), line: width },
      {
        ...edge,
        y: bound(curve.upper, 1),
        line: width,
        fill: "tonexty",
        fillcolor: seeThrough(colour, 0.15),
      },
    ];
  };
  const dashes = { before: "2px,3px", modeled: "7px,3px" };
  const data = [
    ...band(captured, theme.ink),
    ...band(modeled, theme.modeled),
    ...line(captured, "captured", { color: theme.ink, width: 3 }),
    ...line(before, "modeled, as captured", { color: theme.muted, width: 1.5, dash: dashes.before }),
    ...line(modeled, "modeled", { color: theme.modeled, width: 2, dash: dashes.modeled }),
  ];
  const legend: LegendEntry[] = [
    ...(captured ? [{ name: "captured", colour: theme.ink, draw: "line" as const, widthPx: 3 }] : []),
    ...(before
      ? [{ name: "modeled as captured", colour: theme.muted, draw: "line" as const, dash: dashes.before }]
      : []),
    {
      name: before ? "modeled as chosen" : "modeled",
      colour: theme.modeled,
      draw: "line",
      widthPx: 2,
      dash: dashes.modeled,
    },
  ];
  const median = (curve: DrawnSurvival | undefined, what: string) =>
    curve ? `${what}: median ${showMs(curve.medianMs)} of ${curve.n} requests` : undefined;
  return {
    data,
    legend,
    says: [median(captured, "captured"), median(modeled, "modeled")].filter((text) => text).join("; "),
    layout: layoutOf(theme, 300, {
      xaxis: axis(theme, "time to first token", {
        type: "log",
        range: range.map(Math.log10),
        ...timeTicks(...range),
      }),
      yaxis: axis(theme, "still waiting", {
        type: "log",
        range: [Math.log10(floor), 0.03],
        tickvals: [1, 0.5, 0.1, 0.01, 0.001, 0.0001],
        ticktext: ["100 %", "50 %", "10 %", "1 %", "0.1 %", "0.01 %"],
      }),
    }),
  };
}

/** Where the times of curves lie: one range for the panels that are compared. */
export function timeRange(curves: readonly (DrawnSurvival | undefined)[]): [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const curve of curves) {
    const first = curve?.times.find((time) => time > 0);
    if (!curve || first === undefined) continue;
    least = Math.min(least, first);
    most = Math.max(most, curve.times[curve.times.length - 1]);
  }
  return most > 0 ? [least * 0.85, most * 1.15] : [1, 1000];
}

/** Share of prompt tokens found by pools of all sizes, and what the chosen one finds. */
export function hitFigure(theme: Theme, curve: ExploreHitCurve, { numbers }: ExploreAnswer): PageFigure {
  const bytes = numbers.poolBytes;
  const perToken = bytes === undefined ? undefined : bytes / numbers.poolTokens / 2 ** 30;
  const size = (tokens: number) => (perToken === undefined ? tokens : tokens * perToken);
  const unit = perToken === undefined ? "tokens" : "GiB";
  const x = Array.from(curve.poolTokens, size);
  const chosen = size(numbers.poolTokens);
  const hover = (name: string) => `${name}: %{y:.1%} in %{x:.4~g} ${unit}<extra></extra>`;
  const range = [Math.min(x[0], chosen) * 0.8, Math.max(x[x.length - 1], chosen) * 1.25];
  return {
    legend: [
      { name: "least recently used", colour: theme.modeled, draw: "line", widthPx: 2 },
      { name: "best there can be", colour: theme.muted, draw: "line", dash: "2px,3px" },
      { name: "this replay", colour: theme.accent, draw: "diamond" },
    ],
    says: `a pool of ${short(chosen)} ${unit} finds ${showShare(numbers.hitFraction)} of the prompt tokens in this replay; a pool without end ${showShare(curve.unbounded)}`,
    data: [
      {
        type: "scatter",
        mode: "lines",
        name: "best there can be",
        x,
        y: curve.optimum,
        line: { color: theme.muted, width: 1.5, dash: "2px,3px" },
        hovertemplate: hover("best there can be"),
      },
      {
        type: "scatter",
        mode: "lines",
        name: "least recently used",
        x,
        y: curve.lru,
        line: { color: theme.modeled, width: 2 },
        hovertemplate: hover("least recently used"),
      },
      {
        type: "scatter",
        mode: "markers",
        name: "this replay",
        x: [chosen],
        y: [numbers.hitFraction],
        marker: { color: theme.accent, size: 11, symbol: "diamond" },
        hovertemplate: hover("this replay"),
      },
    ],
    layout: layoutOf(theme, 280, {
      xaxis: axis(theme, `pool, ${unit}${numbers.replicas > 1 ? " of each replica" : ""}`, {
        type: "log",
        range: range.map(Math.log10),
        tickformat: unit === "GiB" ? ",~r" : ".3~s",
        dtick: range[1] / range[0] < 300 ? "D2" : 1,
      }),
      yaxis: axis(theme, "prompt tokens found", { range: [0, 1.02], tickformat: ".0%" }),
      shapes: [
        {
          type: "line",
          xref: "x",
          yref: "paper",
          x0: chosen,
          x1: chosen,
          y0: 0,
          y1: 1,
          line: { color: theme.accent, width: 1, dash: "3px,3px" },
        },
      ],
    }),
  };
}

/** What a cause is called. */
const causeWords: Readonly<Record<string, string>> = {
  first_use: "never sent before",
  diverged: "turn rewritten",
  evicted: "evicted",
  not_ready: "not computed yet",
  block_tail: "no full block",
  off: "caching is off",
  reset: "cache reset",
  elsewhere: "on another replica",
  evicted_order_unknown: "evicted, unclear",
  not_known: "no hash",
  unexplained: "unexplained",
};

/** Prompt tokens by where they came from, or why they were computed. */
export function reuseFigure(theme: Theme, reuse: ExploreReuse): PageFigure {
  const lower = Object.entries(reuse.lowerTokens);
  const fromPool = reuse.cachedTokens - lower.reduce((sum, [, tokens]) => sum + tokens, 0);
  const computed = reuse.promptTokens - reuse.cachedTokens;
  const causes = reuse.causes
    ? Object.entries(reuse.causes).sort(([, a], [, b]) => b - a)
    : [["computed", computed] as [string, number]];
  const rows: { name: string; tokens: number; colour: string; pattern: string }[] = [
    { name: "found in the pool", tokens: fromPool, colour: theme.modeled, pattern: "" },
    ...lower.map(([name, tokens]) => ({
      name: `loaded from ${name}`,
      tokens,
      colour: theme.third,
      pattern: ".",
    })),
    ...causes.map(([cause, tokens]) => ({
      name: causeWords[cause] ?? cause,
      tokens,
      colour: ["first_use", "block_tail", "not_known", "computed"].includes(cause)
        ? theme.muted
        : theme.accent,
      pattern: "/",
    })),
  ];
  const share = (tokens: number) => (reuse.promptTokens > 0 ? tokens / reuse.promptTokens : 0);
  const told = rows.filter(({ tokens }, at) => at === 0 || tokens > 0);
  return {
    legend: [],
    says: told.map(({ name, tokens }) => `${name} ${showShare(share(tokens))}`).join(", "),
    data: [
      {
        type: "bar",
        orientation: "h",
        y: told.map(({ name }) => name),
        x: told.map(({ tokens }) => share(tokens)),
        text: told.map(({ tokens }) => showShare(share(tokens))),
        textposition: "outside",
        cliponaxis: false,
        customdata: told.map(({ tokens }) => grouped(tokens)),
        hovertemplate: "%{y}: %{customdata} tokens<extra></extra>",
        marker: {
          color: told.map(({ colour }) => colour),
          pattern: { ...patternOf(theme), shape: told.map(({ pattern }) => pattern) },
        },
      },
    ],
    layout: layoutOf(theme, 280, {
      margin: { l: 148, r: 62, t: 8, b: 46 },
      xaxis: axis(theme, "share of prompt tokens", { range: [0, 1], tickformat: ".0%", rangemode: "tozero" }),
      yaxis: axis(theme, "", { autorange: "reversed", ticks: "", gridcolor: "rgba(0,0,0,0)" }),
    }),
  };
}

/** Requests in the engine, and the pool's blocks that they hold, over time. */
export function loadFigure(theme: Theme, { load, numbers }: ExploreAnswer): PageFigure {
  const x = Array.from(load.timesMs, (ms) => ms / 1000);
  const most = (column: Float64Array) => column.reduce((highest, value) => Math.max(highest, value), 0);
  const line = (hover: string, y: Float64Array, yaxis: string, style: object) => ({
    type: "scatter",
    mode: "lines",
    x,
    y,
    yaxis,
    line: { shape: "hv", width: 1.5, ...style },
    hovertemplate: `${hover} at %{x:.4~g} s<extra></extra>`,
  });
  const dash = "4px,2px";
  return {
    legend: [
      { name: "running", colour: theme.modeled, draw: "line", widthPx: 2 },
      { name: "waiting", colour: theme.accent, draw: "line", dash },
      { name: "pool held by requests", colour: theme.third, draw: "line", dash: "1.5px,2px" },
    ],
    says: `at most ${most(load.running)} requests run and ${most(load.waiting)} wait, over ${short(numbers.virtualMs / 1000)} s; at most ${showShare(most(load.heldShare))} of the pool is held by requests`,
    data: [
      line("%{y} waiting", load.waiting, "y", { color: theme.accent, dash }),
      line("%{y} running", load.running, "y", { color: theme.modeled }),
      line("%{y:.1%} of the pool held", load.heldShare, "y2", { color: theme.third, dash: "1.5px,2px" }),
    ],
    layout: layoutOf(theme, 300, {
      xaxis: axis(theme, "time, s", { rangemode: "tozero", anchor: "y2" }),
      yaxis: axis(theme, "requests", { rangemode: "tozero", domain: [0.36, 1], nticks: 6 }),
      yaxis2: axis(theme, "pool", {
        range: [0, Math.min(1, Math.max(0.01, 1.1 * most(load.heldShare)))],
        tickformat: ".0~%",
        domain: [0, 0.27],
        nticks: 4,
      }),
    }),
  };
}

/** White strokes over a bar's colour. */
function patternOf(theme: Theme) {
  return { fillmode: "overlay", fgcolor: theme.paper, fgopacity: 0.75, size: 6, solidity: 0.28 };
}

/** One session's requests, one bar each: waiting, computing the prompt, answering. */
export function sessionFigure(theme: Theme, { session }: ExploreAnswer): PageFigure {
  const { turns } = session;
  const startMs = turns.reduce((least, turn) => Math.min(least, turn.sentMs), Number.POSITIVE_INFINITY);
  const lastMs = turns.reduce((most, turn) => Math.max(most, turn.lastTokenMs ?? turn.sentMs), 0);
  const unit = lastMs - startMs > 5000 ? 1000 : 1;
  const names = turns.map(({ turn }, at) => `${at + 1}${turn === at + 1 ? "" : ` (turn ${turn})`}`);
  const parts = [
    ["waits", theme.accent, "/", (t: (typeof turns)[number]) => [t.sentMs, t.admittedMs ?? t.lastTokenMs]],
    ["computes its prompt", theme.modeled, "", (t: (typeof turns)[number]) => [t.admittedMs, t.firstTokenMs]],
    ["answers", theme.muted, ".", (t: (typeof turns)[number]) => [t.firstTokenMs, t.lastTokenMs]],
  ] as const;
  return {
    legend: parts.map(([name, colour, shape]) => ({ name, colour, draw: "bar", dash: shape })),
    says: `session ${session.session + 1} of ${session.sessions}: ${turns.map((t) => (t.firstTokenMs === undefined ? "no first token" : `first token after ${showMs(t.firstTokenMs - t.sentMs)}`)).join(", ")}`,
    data: parts.map(([name, color, shape, span]) => ({
      type: "bar",
      orientation: "h",
      name,
      y: names,
      width: Math.min(0.65, 0.14 * turns.length),
      base: turns.map((turn) => ((span(turn)[0] ?? startMs) - startMs) / unit),
      x: turns.map((turn) => {
        const [from, to] = span(turn);
        return from === undefined || to === undefined ? 0 : Math.max(0, to - from) / unit;
      }),
      customdata: turns.map(
        (t) =>
          `${grouped(t.cachedTokens)} of ${grouped(t.promptTokens)} prompt tokens found, ${grouped(t.outputTokens)} output tokens`,
      ),
      hovertemplate: `${name} %{x:.4~g} ${unit === 1 ? "ms" : "s"}<br>%{customdata}<extra></extra>`,
      marker: { color, pattern: { ...patternOf(theme), shape } },
    })),
    layout: layoutOf(theme, Math.max(272, Math.min(560, 90 + 22 * turns.length)), {
      barmode: "overlay",
      xaxis: axis(theme, `time since the session began, ${unit === 1 ? "ms" : "s"}`, { rangemode: "tozero" }),
      yaxis: axis(theme, "request", { autorange: "reversed", type: "category", ticks: "" }),
    }),
  };
}
