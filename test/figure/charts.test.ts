import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import {
  gapChart,
  hashTreeChart,
  hitRateChart,
  loadChart,
  type PlotlyFigure,
  renderSvg,
  requestTimelineChart,
  residualChart,
  serviceCurveChart,
  sweepChart,
  xyChart,
} from "../../lib/figure/index.js";

const texts = (figure: PlotlyFigure) =>
  (figure.layout.annotations as { text: string }[]).map(({ text }) => text);
const axis = (figure: PlotlyFigure, name: string) => figure.layout[name] as Record<string, unknown>;

const figures: Record<string, PlotlyFigure> = {
  gapChart: gapChart({ series: [{ label: "captured", gapsMs: [8, 9, 10, 40], colour: "captured" }] }),
  hashTreeChart: hashTreeChart({ blockSize: 16, chains: [{ name: "A", blockIds: [1, 2] }] }),
  hitRateChart: hitRateChart({
    points: [
      { poolBlocks: 64, hitShare: 0.1 },
      { poolBlocks: 4096, hitShare: 0.9 },
    ],
    unboundedHitShare: 0.93,
    kneeBlocks: 1024,
  }),
  loadChart: loadChart({ timesMs: [0, 1000, 2000], running: [1, 2, 0], waiting: [0, 1, 0] }),
  requestTimelineChart: requestTimelineChart({
    promptTokens: 100,
    cachedTokens: 64,
    ttftMs: 50,
    itlMs: [10, 12],
  }),
  residualChart: residualChart({ pairs: [{ predictedMs: 10, observedMs: 11 }] }),
  serviceCurveChart: serviceCurveChart({ points: [{ uncachedTokens: 100, ttftMs: 50 }] }),
  sweepChart: sweepChart({
    title: "rate",
    parameter: { title: "sessions per second", unit: "number" },
    result: { title: "TTFT", unit: "ms" },
    series: [{ label: "cache on", points: [{ value: 1, result: 30, low: 20, high: 40 }], colour: "modeled" }],
  }),
};

describe.each(Object.entries(figures))("%s", (_, figure) => {
  it("is plain JSON without a value that is not a number", () => {
    expect(JSON.parse(JSON.stringify(figure))).toEqual(figure);
  });

  it("is drawn with its title and its axis titles", async () => {
    const svg = await renderSvg(figure);
    expect(svg).not.toMatch(/NaN|Infinity/);
    for (const name of ["xaxis", "yaxis"]) {
      const title = axis(figure, name).title as { text: string } | undefined;
      if (title?.text) expect(svg).toContain(title.text);
    }
  });
});

describe("xyChart", () => {
  const series = { x: [1, 2], y: [3, 4], colour: "modeled", draw: "line" } as const;
  const request = { title: "t", x: { title: "x", unit: "count" }, y: { title: "y", unit: "share" } } as const;

  it("refuses x and y of different lengths", () => {
    expect(() => xyChart({ ...request, series: [{ ...series, y: [1] }] })).toThrow(InputError);
  });

  it("labels ticks in their unit and rounds ranges to ticks", () => {
    const figure = xyChart({ ...request, series: [{ ...series, x: [0, 1234], y: [0.01, 0.93] }] });
    expect(axis(figure, "xaxis").ticktext).toEqual(["0", "500", "1,000", "1,500"]);
    expect(axis(figure, "yaxis").ticktext).toEqual(["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]);
  });

  it("draws a chart of nothing rather than failing", async () => {
    expect(await renderSvg(xyChart({ ...request, series: [] }))).toContain("<svg");
  });
});

describe("residualChart", () => {
  it("says how many pairs it leaves out", () => {
    const figure = residualChart({
      pairs: [
        { predictedMs: 10, observedMs: 12 },
        { predictedMs: 0, observedMs: 12 },
      ],
    });
    expect(texts(figure).join()).toContain("n = 1, 1 left out");
    expect(figure.data[0]?.y).toEqual([0.2]);
  });
});

describe("requestTimelineChart", () => {
  it("marks one token at TTFT and one after each gap", () => {
    expect(figures.requestTimelineChart?.data[0]?.x).toEqual([50, 60, 72]);
  });

  it("refuses more cached tokens than the prompt has", () => {
    expect(() => requestTimelineChart({ promptTokens: 5, cachedTokens: 6, ttftMs: 1, itlMs: [] })).toThrow(
      InputError,
    );
  });
});

describe("hashTreeChart", () => {
  it("refuses prompts without a block", () => {
    expect(() => hashTreeChart({ blockSize: 16, chains: [{ name: "A", blockIds: [] }] })).toThrow(InputError);
  });
});

describe("hitRateChart", () => {
  it("names the unbounded hit rate and the knee", () => {
    expect(texts(figures.hitRateChart as PlotlyFigure)).toEqual(
      expect.arrayContaining(["unbounded pool: 93.0 %", "knee: 1,024 blocks"]),
    );
  });
});
