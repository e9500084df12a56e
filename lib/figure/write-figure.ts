import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../output/index.js";
import { type Draw, drawFigure } from "./draw-figure.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { renderHtml } from "./render-html.js";

/** The files of one figure. */
export interface FigureFiles {
  readonly html: string;
  readonly svg: string;
  readonly png: string;
}

/**
 * Writes `NAME.html` (interactive, self-contained), `NAME.svg` and `NAME.png` into a folder, which is made when it
 * is not there, and says where.
 * @param draw what draws it. Default: this thread; a `DrawingThread` of `prefixlab/figure` draws while others go on
 * @example
 * ```ts
 * import { loadChart, writeFigure } from "prefixlab";
 * const figure = loadChart({ timesMs: [0, 1000], running: [1, 8], waiting: [0, 3] });
 * (await writeFigure(figure, "figures", "load")).svg; // → "figures/load.svg"
 * ```
 */
export async function writeFigure(
  figure: PlotlyFigure,
  dir: string,
  name: string,
  draw: Draw = drawFigure,
): Promise<FigureFiles> {
  const files = {
    html: join(dir, `${name}.html`),
    svg: join(dir, `${name}.svg`),
    png: join(dir, `${name}.png`),
  };
  const [{ svg, png }] = await Promise.all([draw(figure), mkdir(dir, { recursive: true })]);
  await Promise.all([
    writeWhole(files.svg, svg),
    writeWhole(files.html, renderHtml(figure, { title: name })),
    png.then((bytes) => writeWhole(files.png, bytes)),
  ]);
  return files;
}
