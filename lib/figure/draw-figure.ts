import type { PlotlyFigure } from "./plotly-figure.js";
import { svgToPng } from "./render-png.js";
import { renderSvg } from "./render-svg.js";

/** A figure as SVG, and as PNG once that is there too. */
export interface Drawing {
  readonly svg: string;
  readonly png: Promise<Uint8Array>;
}

/** What draws a figure: this thread, or another. It throws WorkError where plotly cannot draw it. */
export type Draw = (figure: PlotlyFigure) => Promise<Drawing>;

/** Draws a figure in this thread. */
export async function drawFigure(figure: PlotlyFigure): Promise<Drawing> {
  const svg = await renderSvg(figure);
  return { svg, png: svgToPng(svg) };
}
