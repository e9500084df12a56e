import { describe, expect, it } from "vitest";
import { type PlotlyFigure, timeLimitFigure } from "../../lib/figure/index.js";
import { BlockTable, type TraceRecord } from "../../lib/trace/index.js";

const limitMs = 1000;
/** Turns of one session each: answered after so many ms, or cut at the limit, before a first token or after one. */
const workload = (ends: readonly (number | "cut" | "cut late")[]) => ({
  trace: {
    meta: { extra: {} },
    records: ends.map((end): TraceRecord => {
      const shape = { promptTokens: 10, outputTokens: 1 };
      if (end === "cut") return { ...shape, outputTokens: 0, elapsedMs: limitMs, finishReason: "timeout" };
      if (end === "cut late") return { ...shape, ttftMs: 900, elapsedMs: limitMs, finishReason: "timeout" };
      return { ...shape, ttftMs: end, elapsedMs: end, finishReason: "length" };
    }),
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  },
  sessions: {
    parent: Int32Array.from(ends, (_, i) => (i < ends.length / 2 ? -1 : i - ends.length / 2)),
    session: Int32Array.from(ends, (_, i) => i % (ends.length / 2)),
    turn: Int32Array.from(ends, (_, i) => (i < ends.length / 2 ? 1 : 2)),
  },
});

const on = workload([20, 22, 24, 26, 30, 32, 34, 36]);
const off = workload([300, 400, 500, "cut late", 600, "cut", "cut", "cut"]);
const options = { on, off, requestTimeoutMs: limitMs, title: "Cut" };
const figure = timeLimitFigure(options);
const textsOf = ({ layout }: PlotlyFigure) =>
  (layout.annotations as { text: string }[]).map(({ text }) => text.replace(/<.*?>/g, ""));

describe("timeLimitFigure", () => {
  it("says how many were complete, of how many, and both medians", () => {
    expect(textsOf(figure)).toEqual(
      expect.arrayContaining([
        "turn 1: 3 of 4 complete without the cache",
        "Kaplan-Meier: median 450 ms",
        "n = 4, 0 cut while they waited",
        "median 400 ms, p99 498 ms, n = 3",
        "turns 2+: 1 of 4 complete without the cache",
        "Kaplan-Meier: median over 1.00 s",
        "n = 4, 3 cut while they waited",
        "median 600 ms, p99 600 ms, n = 1",
        "limit 1.00 s",
      ]),
    );
  });

  it("draws Kaplan-Meier's curve up to the limit, also of those that were cut later, and the complete alone to nothing", () => {
    const lines = figure.data.filter(({ name }) => name === "modeled, cache off");
    const [all, complete] = lines.map(({ x, y }) => [x, y] as [number[], number[]]);
    expect(all![0].slice(1)).toEqual([300, 400, 500, 900]);
    expect(all![1].slice(1, 4)).toEqual([0.75, 0.5, 0.25]);
    const later = lines[2]!;
    expect([(later.x as number[]).slice(1), (later.y as number[]).slice(1)]).toEqual([
      [600, limitMs],
      [0.75, 0.75],
    ]);
    expect(complete![0].slice(1)).toEqual([300, 400, 500]);
    // The axis has no zero: the curve leaves it below.
    expect(complete![1].at(-1)).toBeLessThan(0.1);
  });

  it("tells the two apart without colour, by dash and width", () => {
    const [all, complete] = figure.data
      .filter(({ name }) => name === "modeled, cache off")
      .map(({ line }) => line as { dash: string; width: number });
    expect(all!.dash).not.toBe(complete!.dash);
    expect(all!.width).toBeGreaterThan(complete!.width);
  });

  it("marks the limit in both panels", () => {
    const shapes = figure.layout.shapes as { x0: number; xref: string }[];
    expect(shapes.map(({ x0, xref }) => [x0, xref])).toEqual([
      [limitMs, "x"],
      [limitMs, "x2"],
    ]);
  });

  it("has what stands beside as diamonds among the later turns, said in a footnote, and notes where they are given", () => {
    const beside = {
      text: "another engine: not compared",
      points: [
        [40, 1],
        [60, 0.5],
      ] as [number, number][],
    };
    const more = timeLimitFigure({ ...options, beside, notes: { turns2plus: "published: n = 2" } });
    const diamonds = more.data.filter(({ mode }) => mode === "markers");
    expect(diamonds.map(({ x, y, xaxis }) => [x, y, xaxis])).toEqual([[[40, 60], [1, 0.5], "x2"]]);
    const texts = textsOf(more);
    expect(texts).toContain("◇ another engine: not compared");
    expect(texts.filter((text) => text.includes("published")).length).toBe(1);
    // No label for what the footnote says.
    expect(texts.filter((text) => text.includes("another engine")).length).toBe(1);
  });

  it("has no curve of the complete where none was", () => {
    const none = workload(["cut", "cut", "cut", "cut"]);
    expect(
      timeLimitFigure({ ...options, off: none }).data.filter(({ name }) => name === "modeled, cache off")
        .length,
    ).toBe(2);
  });
});
