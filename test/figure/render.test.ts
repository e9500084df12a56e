import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { WorkError } from "../../lib/base/index.js";
import {
  type PlotlyFigure,
  renderHtml,
  renderPng,
  renderSvg,
  survivalPanels,
  svgToPng,
  writeFigure,
} from "../../lib/figure/index.js";
import { samplePanels } from "./sample-curves.js";

const figure = survivalPanels(samplePanels());
const svg = await renderSvg(figure);

/** Width and height from the header of a PNG. */
function pngSize(png: Uint8Array): number[] {
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

describe("renderSvg", () => {
  it("gives the same text twice, at the size of the figure's layout", async () => {
    expect(await renderSvg(figure)).toBe(svg);
    expect(svg).toContain(`width="${figure.layout.width}" height="${figure.layout.height}"`);
  });

  it("draws every label, every tick and the axis titles", () => {
    for (const text of [
      "10 ms",
      "100 ms",
      "10 s",
      "time to first token (TTFT)",
      "p99",
      "cache on",
      "n = 396",
    ])
      expect(svg).toContain(text);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it("keeps the tick labels of an axis apart", () => {
    const at = [...svg.matchAll(/class="xtick"[^>]*><text[^>]*transform="translate\(([\d.]+),/g)].map(
      ([, x]) => Number(x),
    );
    expect(at.length).toBeGreaterThanOrEqual(4);
    for (let i = 1; i < at.length; i++)
      expect(Math.abs((at[i] as number) - (at[i - 1] as number))).toBeGreaterThan(45);
  });

  it("refuses a trace type that needs a canvas", async () => {
    const broken: PlotlyFigure = {
      data: [
        {
          type: "heatmap",
          z: [
            [1, 2],
            [3, 4],
          ],
        },
      ],
      layout: { width: 300, height: 200 },
    };
    await expect(renderSvg(broken)).rejects.toThrow(WorkError);
  });
});

describe("renderPng", () => {
  it("gives the same bytes twice, at twice the layout's size", async () => {
    const first = await renderPng(figure);
    expect(pngSize(first)).toEqual([2 * figure.layout.width, 2 * figure.layout.height]);
    expect(Buffer.compare(await renderPng(figure), first)).toBe(0);
  });

  it("draws text: without it the picture is smaller", async () => {
    const { annotations: _, ...layout } = figure.layout;
    const bare = await renderPng({ data: figure.data, layout: layout as typeof figure.layout });
    expect((await svgToPng(svg)).length).toBeGreaterThan(bare.length * 1.1);
  });
});

describe("renderHtml", () => {
  const html = renderHtml(figure, { title: "a <b> & c" });

  it("holds plotly and the figure, and loads nothing from elsewhere", () => {
    expect(html).not.toMatch(/<script[^>]+src=/);
    expect(html).not.toMatch(/<link/);
    expect(html.length).toBeGreaterThan(1_000_000);
    expect(html).toContain("<title>a &lt;b> &amp; c</title>");
  });

  it("carries the figure, at the width of the window", () => {
    const json = /const figure = (.*);\n/.exec(html.slice(html.lastIndexOf("<script>")))?.[1];
    const { width: _, ...layout } = figure.layout;
    expect(JSON.parse(json ?? "")).toEqual({ data: figure.data, layout: { ...layout, autosize: true } });
  });
});

describe("writeFigure", () => {
  it("writes html, svg and png into a folder that it makes", async () => {
    const dir = mkdtempSync(join(tmpdir(), "figure-"));
    try {
      const files = await writeFigure(figure, join(dir, "new folder"), "cache-effect");
      expect(readFileSync(files.svg, "utf8")).toMatch(/^<svg /);
      expect(readFileSync(files.png).subarray(1, 4).toString()).toBe("PNG");
      expect(readFileSync(files.html, "utf8")).toMatch(/^<!doctype html>/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
