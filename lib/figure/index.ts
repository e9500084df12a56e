/**
 * Figures: results as plotly figures in one house style, and those as SVG, PNG and HTML without a browser.
 *
 * Read `house-style.ts` first (what a colour and a dash say), then `survival-panels.ts` (the main figure) and
 * `render-svg.ts` (how drawing works without a browser). Builders take plain arrays and numbers: times in
 * milliseconds, sizes in tokens, layout in pixels.
 */
export { formatCount, formatMs, formatPercent } from "./format-quantity.js";
export type { CacheState, SeriesKind } from "./house-style.js";
export type { FigureJson, PlotlyFigure, PlotlyLayout, PlotlyTrace } from "./plotly-figure.js";
export { type HtmlOptions, renderHtml } from "./render-html.js";
export { type PngOptions, renderPng, svgToPng } from "./render-png.js";
export { type RenderSize, renderSvg } from "./render-svg.js";
export {
  type SurvivalCurveData,
  type SurvivalPanel,
  type SurvivalPanelsOptions,
  type SurvivalSeries,
  survivalPanels,
} from "./survival-panels.js";
export { type FigureFiles, writeFigure } from "./write-figure.js";
