import { WorkError } from "../base/index.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { plotlyWindow } from "./plotly-window.js";

/** Size of a drawing; what the figure's own layout says where left out. */
export interface RenderSize {
  readonly widthPx?: number;
  readonly heightPx?: number;
}

let queue: Promise<unknown> = Promise.resolve();

/**
 * Draws a figure as SVG, without a browser: plotly in a small document of its own, text measured with the bundled font. The same figure
 * gives the same text each time. Trace types that draw on a canvas or with WebGL (heatmap, surface, scattergl) need
 * a browser: use `renderHtml`.
 * @throws WorkError when plotly cannot draw the figure
 * @example
 * ```ts
 * import { loadChart, renderSvg } from "prefixlab";
 * const figure = loadChart({ timesMs: [0, 1000], running: [1, 8], waiting: [0, 3] });
 * (await renderSvg(figure)).slice(0, 4); // → "<svg"
 * ```
 */
export function renderSvg(figure: PlotlyFigure, size: RenderSize = {}): Promise<string> {
  // One drawing at a time: plotly's ids are drawn from one seeded generator.
  const drawing = queue.then(() => draw(figure, size));
  queue = drawing.catch(() => undefined);
  return drawing;
}

async function draw(figure: PlotlyFigure, size: RenderSize): Promise<string> {
  const { plotly, document, reseed } = plotlyWindow(figure);
  reseed();
  const div = document.createElement("div");
  document.body.append(div);
  try {
    const copy = structuredClone(figure);
    const width = size.widthPx ?? figure.layout.width;
    const height = size.heightPx ?? figure.layout.height;
    await plotly.newPlot(div, copy.data, { ...copy.layout, width, height }, { staticPlot: true });
    // Quotes in a reference are CSS's, and not read by all that read SVG: resvg would draw hatches black.
    const svg = plotly.Snapshot.toSVG(div, "svg").replace(/url\('(#[^']*)'\)/g, "url($1)");
    return svg.endsWith("\n") ? svg : `${svg}\n`;
  } catch (error) {
    throw new WorkError(`renderSvg: plotly could not draw the figure: ${String(error)}`, { cause: error });
  } finally {
    plotly.purge(div);
    div.remove();
  }
}
