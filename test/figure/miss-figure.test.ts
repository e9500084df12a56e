import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { readCapture } from "../../lib/captures/index.js";
import { explainMisses, isLost, missCauses } from "../../lib/explain/index.js";
import { missFigure, type PlotlyTrace, renderSvg, sessionStripText } from "../../lib/figure/index.js";
import { missStyles } from "../../lib/figure/miss-style.js";
import { type Workload, workloadOf } from "../../lib/sessions/index.js";
import { BlockTable, type TraceRecord } from "../../lib/trace/index.js";

interface Piece {
  readonly cause: string;
  readonly tokens: number;
}

/** Requests made of pieces, the first of which is cached where it says so; sessions as they are numbered. */
function explained(rows: readonly { readonly session: number; readonly pieces: readonly Piece[] }[]) {
  const requests = rows.map(({ pieces }, index) => {
    let at = 0;
    const placed = pieces.map(({ cause, tokens }) => {
      const part = { cause, fromToken: at, tokens, ...(cause === "diverged" && { from: 0 }) };
      at += tokens;
      return part;
    });
    const cachedTokens = placed[0]?.cause === "cached" ? placed[0].tokens : 0;
    return { index, promptTokens: at, cachedTokens, parts: placed.filter(({ cause }) => cause !== "cached") };
  });
  const turns = new Map<number, number>();
  const turn = Int32Array.from(rows, ({ session }) => {
    turns.set(session, (turns.get(session) ?? 0) + 1);
    return turns.get(session) as number;
  });
  const records = rows.map(
    (_, i): TraceRecord => ({
      promptTokens: requests[i].promptTokens,
      outputTokens: 1,
      arrivalMs: 700 * i,
    }),
  );
  const workload: Workload = {
    trace: { meta: { extra: {} }, records, blocks: new BlockTable(), rejected: [], warnings: [] },
    sessions: {
      parent: new Int32Array(rows.length).fill(-1),
      turn,
      session: Int32Array.from(rows, ({ session }) => session),
    },
  };
  return { explanation: { requests }, workload };
}

const bars = (data: readonly PlotlyTrace[], axis: string) =>
  data.filter(({ type, yaxis }) => type === "bar" && yaxis === axis);
const numbers = (value: unknown) => value as number[];
const texts = ({ layout }: { layout: Record<string, unknown> }) =>
  (layout.annotations as { text: string }[]).map(({ text }) => text);

const small = explained([
  {
    session: 0,
    pieces: [
      { cause: "first_use", tokens: 60 },
      { cause: "block_tail", tokens: 4 },
    ],
  },
  {
    session: 1,
    pieces: [
      { cause: "cached", tokens: 32 },
      { cause: "diverged", tokens: 48 },
    ],
  },
  {
    session: 0,
    pieces: [
      { cause: "cached", tokens: 64 },
      { cause: "evicted", tokens: 16 },
    ],
  },
]);

describe("the figure of causes", () => {
  it("has a style for each cause, which counts as lost what prefixlab/explain does", () => {
    const names = missStyles.map(({ name }) => name);
    expect([...names].sort()).toEqual(["cached", ...missCauses].sort());
    expect(
      missStyles
        .filter(({ part }) => part === "lost")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(missCauses.filter(isLost).sort());
    for (const key of ["label", "character"] as const)
      expect(new Set(missStyles.map((style) => style[key])).size).toBe(missStyles.length);
  });

  it("says in its title what was found and lost, and of what most was", () => {
    const { explanation, workload } = small;
    expect(texts(missFigure(explanation, workload))[0]).toBe(
      "<b>42.9 % of prompt tokens were cached, 28.6 % were lost: mostly diverged</b>",
    );
    const fresh = explained([{ session: 0, pieces: [{ cause: "first_use", tokens: 10 }] }]);
    expect(texts(missFigure(fresh.explanation, fresh.workload))[0]).toBe(
      "<b>0.0 % of prompt tokens were cached, none were lost</b>",
    );
  });

  it("draws every token once in each of the upper panels, and those of the session below", () => {
    const piece = fc.record({
      cause: fc.constantFrom(...missCauses),
      tokens: fc.integer({ min: 1, max: 900 }),
    });
    const row = fc.record({
      session: fc.integer({ min: 0, max: 3 }),
      pieces: fc
        .tuple(fc.integer({ min: 0, max: 500 }), fc.array(piece, { minLength: 1, maxLength: 4 }))
        .map(([tokens, rest]) => [{ cause: "cached", tokens }, ...rest]),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), (rows) => {
        const { explanation, workload } = explained(rows);
        const { session } = rows[rows.length - 1];
        const { data } = missFigure(explanation, workload, { session });
        const all = rows.flatMap(({ pieces }) => pieces).reduce((sum, { tokens }) => sum + tokens, 0);
        const own = rows
          .filter((one) => one.session === session)
          .slice(0, 40)
          .flatMap(({ pieces }) => pieces);
        const drawn = (axis: string, along: "x" | "y") =>
          bars(data, axis)
            .flatMap((trace) => numbers(trace[along]))
            .reduce((sum, length) => sum + length, 0);
        expect(drawn("y", "y")).toBe(all);
        expect(drawn("y2", "y")).toBeCloseTo(
          new Set(bars(data, "y2").flatMap(({ x }) => numbers(x))).size,
          3,
        );
        if (rows.filter((one) => one.session === session).length <= 40)
          expect(drawn("y3", "x")).toBe(own.reduce((sum, { tokens }) => sum + tokens, 0));
      }),
      { numRuns: 50 },
    );
  });

  it("stacks what was found at the bottom, and puts each part of a prompt where it stands", () => {
    const { explanation, workload } = small;
    const { data } = missFigure(explanation, workload, { session: 0 });
    const [cached] = bars(data, "y");
    expect(cached.legendgroup).toBe("cached");
    expect(numbers(cached.base).every((from) => from === 0)).toBe(true);
    const strip = Object.fromEntries(
      bars(data, "y3").map(({ legendgroup, base, x, y }) => [legendgroup, { base, x, y }]),
    );
    expect(strip).toEqual({
      cached: { base: [0], x: [64], y: [1] },
      evicted: { base: [64], x: [16], y: [1] },
      block_tail: { base: [60], x: [4], y: [0] },
      first_use: { base: [0], x: [60], y: [0] },
    });
  });

  it("shows the session in which the most was lost, with a mark where it left the prompt before", () => {
    const { explanation, workload } = small;
    const figure = missFigure(explanation, workload);
    expect(texts(figure).at(-1)).toContain("session 1, 1 requests, 48 tokens lost; triangle");
    const marks = figure.data.find(({ mode }) => mode === "markers") as PlotlyTrace;
    expect([marks.x, numbers(marks.y)]).toEqual([[32], [-0.36]]);
    expect(() => missFigure(explanation, workload, { session: 9 })).toThrow(/session 9 .* from 0 to 1/);
    expect(() => missFigure({ requests: [] }, workload)).toThrow(InputError);
  });

  it("of a longer session shows the forty requests in which the most was lost", () => {
    const rows = Array.from({ length: 100 }, (_, i) => ({
      session: 0,
      pieces: [{ cause: i >= 30 && i < 70 ? "evicted" : "first_use", tokens: 10 }],
    }));
    const { explanation, workload } = explained(rows);
    const figure = missFigure(explanation, workload);
    expect(texts(figure).at(-1)).toContain("session 0, 40 of its 100 requests, 400 tokens lost");
    expect(bars(figure.data, "y3").map(({ legendgroup }) => legendgroup)).toEqual(["evicted"]);
  });

  it("is drawn at two widths, with all that it names and nothing that is not a number", async () => {
    const workload = workloadOf(await readCapture({ role: "judge", scenario: "cold", seed: 1 }));
    const explanation = explainMisses(workload);
    for (const widthPx of [1000, 620]) {
      const figure = missFigure(explanation, workload, { widthPx, kind: "recorded" });
      expect(JSON.parse(JSON.stringify(figure))).toEqual(figure);
      const svg = await renderSvg(figure);
      expect(svg).not.toMatch(/NaN|Infinity/);
      for (const text of [
        "caching off 90.5 %",
        "first use 7.9 %",
        "n = 320 requests",
        "turn, and its requests",
      ])
        expect(svg).toContain(text);
    }
  });

  it("refers to hatches in a way that all readers of SVG understand", async () => {
    const { explanation, workload } = small;
    const svg = await renderSvg(missFigure(explanation, workload));
    expect(svg).toMatch(/fill: url\(#[\w-]+\)/);
    expect(svg).not.toContain("url('#");
  });
});

describe("a session in characters", () => {
  it("has a character for what most of its tokens are, and a mark where a prompt leaves the one before", () => {
    const { explanation, workload } = small;
    expect(sessionStripText(explanation.requests, workload.sessions, 20, 0)).toEqual([
      "session 0, 2 requests, 16 tokens lost; turn, prompt, its tokens: . cached, E evicted, t block tail, n first use",
      "  1  nnnnnnnnnnnnnnnt      64",
      "  2  ................EEEE  80",
    ]);
    expect(sessionStripText(explanation.requests, workload.sessions, 10)).toEqual([
      "session 1, 1 requests, 48 tokens lost; turn, prompt, its tokens: . cached, D diverged, | leaves the prompt before",
      "  1  ....|DDDDD  80",
    ]);
    expect(sessionStripText(explanation.requests, workload.sessions, 10, 9)).toBeUndefined();
  });
});
