import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import {
  hashTreeChart,
  type PlotlyFigure,
  renderSvg,
  requestTimelineChart,
  residualChart,
  xyChart,
} from "../../lib/figure/index.js";
import { sampleCharts } from "./sample-charts.js";

const texts = (figure: PlotlyFigure) =>
  (figure.layout.annotations as { text: string }[]).map(({ text }) => text);
const axis = (figure: PlotlyFigure, name: string) => figure.layout[name] as Record<string, unknown>;

describe.each(Object.entries(sampleCharts))("%s", (_, figure) => {
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
    expect(sampleCharts.requestTimelineChart?.data[0]?.x).toEqual([50, 60, 72]);
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
    expect(texts(sampleCharts.hitRateChart as PlotlyFigure)).toEqual(
      expect.arrayContaining(["unbounded pool: 93.0 %", "knee: 1,024 blocks"]),
    );
  });
});
