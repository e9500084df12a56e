import { fontPath } from "./font-metrics.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { type RenderSize, renderSvg } from "./render-svg.js";

/** Size and sharpness of a PNG. */
export interface PngOptions extends RenderSize {
  /** Picture pixels per layout pixel. Default 2: sharp on dense screens and in print. */
  readonly scale?: number;
}

/**
 * Draws a figure as PNG. The font is the bundled one, so that the bytes are the same on every machine.
 * @example
 * ```ts
 * import { loadChart, renderPng } from "prefixlab";
 * const figure = loadChart({ timesMs: [0, 1000], running: [1, 8], waiting: [0, 3] });
 * (await renderPng(figure, { scale: 1 })).slice(1, 4); // → [80, 78, 71]
 * ```
 */
export async function renderPng(figure: PlotlyFigure, options: PngOptions = {}): Promise<Uint8Array> {
  return svgToPng(await renderSvg(figure, options), options.scale);
}

/**
 * Rasterises an SVG that {@link renderSvg} made.
 * @example
 * ```ts
 * import { loadChart, renderSvg, svgToPng } from "prefixlab/figure";
 * const svg = await renderSvg(loadChart({ timesMs: [0, 1000], running: [1, 8], waiting: [0, 3] }));
 * (await svgToPng(svg, 1)).slice(1, 4); // → [80, 78, 71]
 * ```
 */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  // On a thread of its own: files are written meanwhile.
  const { renderAsync } = await import("@resvg/resvg-js");
  const picture = await renderAsync(svg, {
    fitTo: { mode: "zoom", value: scale },
    background: "#ffffff",
    font: {
      loadSystemFonts: false,
      fontFiles: [fontPath("regular"), fontPath("bold")],
      defaultFontFamily: "Inter",
    },
  });
  return picture.asPng();
}
