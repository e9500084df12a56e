import { fontPath } from "./font-metrics.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { type RenderSize, renderSvg } from "./render-svg.js";

/** Size and sharpness of a PNG. */
export interface PngOptions extends RenderSize {
  /** Picture pixels per layout pixel. Default 2: sharp on dense screens and in print. */
  readonly scale?: number;
}

/** Draws a figure as PNG. The font is the bundled one, so that the bytes are the same on every machine. */
export async function renderPng(figure: PlotlyFigure, options: PngOptions = {}): Promise<Uint8Array> {
  return svgToPng(await renderSvg(figure, options), options.scale);
}

/** Rasterises an SVG that {@link renderSvg} made. */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js");
  const picture = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    background: "#ffffff",
    font: {
      loadSystemFonts: false,
      fontFiles: [fontPath("regular"), fontPath("bold")],
      defaultFontFamily: "Inter",
    },
  });
  return picture.render().asPng();
}
