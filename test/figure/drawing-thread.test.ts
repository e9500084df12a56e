import { afterAll, describe, expect, it } from "vitest";
import { WorkError } from "../../lib/base/index.js";
import { DrawingThread, type PlotlyFigure, renderSvg, svgToPng } from "../../lib/figure/index.js";
import { sampleCharts } from "./sample-charts.js";

const thread = new DrawingThread();
afterAll(() => thread.stop());

describe("DrawingThread", () => {
  it("draws what this thread draws, several figures at once", async () => {
    const figures = ["gapChart", "loadChart", "sweepChart"].map((name) => sampleCharts[name] as PlotlyFigure);
    const drawings = await Promise.all(figures.map(thread.draw));
    for (const [k, { svg, png }] of drawings.entries()) {
      expect(svg).toBe(await renderSvg(figures[k]!));
      expect(Buffer.compare(await png, await svgToPng(svg))).toBe(0);
    }
  });

  it("refuses what cannot be drawn, and goes on", async () => {
    const broken: PlotlyFigure = {
      data: [{ type: "heatmap", z: [[1, 2]] }],
      layout: { width: 300, height: 200 },
    };
    const [refused, drawn] = await Promise.allSettled([
      thread.draw(broken),
      thread.draw(sampleCharts.loadChart as PlotlyFigure),
    ]);
    expect(refused).toMatchObject({ status: "rejected", reason: expect.any(WorkError) });
    expect(drawn.status).toBe("fulfilled");
  });

  it("refuses what it had not drawn when it was stopped, and what it is given after", async () => {
    const other = new DrawingThread();
    const figure = sampleCharts.loadChart as PlotlyFigure;
    const pending = other.draw(figure);
    await Promise.all([expect(pending).rejects.toThrow(WorkError), other.stop()]);
    await expect(other.draw(figure)).rejects.toThrow(/has ended/);
  });
});
