/**
 * Figures: results as plotly figures in one house style, and those as SVG, PNG and HTML without a browser.
 *
 * Read `house-style.ts` first (what a colour and a dash say), then `survival-panels.ts` (the main figure) and
 * `render-svg.ts` (how drawing works without a browser). Builders take plain arrays and numbers: times in
 * milliseconds, sizes in tokens, layout in pixels.
 */

export { type CacheEffectCurve, cacheEffectFigure } from "./cache-effect-figure.js";
export type { AxisRequest, AxisUnit } from "./chart-axis.js";
export { describeFigure } from "./describe-figure.js";
export { display, type MimeBundle, type NotebookPage, valueBundle } from "./display.js";
export type { Draw, Drawing } from "./draw-figure.js";
export { DrawingThread } from "./drawing-thread.js";
export { escapeHtml } from "./escape-html.js";
export { formatCount, formatMs, formatPercent } from "./format-quantity.js";
export { type GapSeries, gapChart } from "./gap-chart.js";
export type { NamedChain } from "./hash-tree.js";
export { type HashTreeChartOptions, hashTreeChart } from "./hash-tree-chart.js";
export { type HitRateChartOptions, hitRateChart } from "./hit-rate-chart.js";
export type { CacheState, ColourName, SeriesKind } from "./house-style.js";
export { type LoadChartOptions, type LoadCounts, loadChart } from "./load-chart.js";
export {
  type MemoryFigureOptions,
  memoryFigure,
  type TimeToLiveFigureOptions,
  type TtftByPoolFigureOptions,
  timeToLiveFigure,
  ttftByPoolFigure,
} from "./memory-figure.js";
export type { ExplainedRequest } from "./miss-bars.js";
export { type ExplainedMisses, type MissFigureOptions, missFigure } from "./miss-figure.js";
export { type PacingChartOptions, pacingChart } from "./pacing-chart.js";
export type { FigureJson, PlotlyFigure, PlotlyLayout, PlotlyTrace } from "./plotly-figure.js";
export { type HtmlOptions, renderHtml } from "./render-html.js";
export { type PngOptions, renderPng, svgToPng } from "./render-png.js";
export { type RenderSize, renderSvg } from "./render-svg.js";
export { type RequestTimelineOptions, requestTimelineChart } from "./request-timeline-chart.js";
export { type PredictedObserved, residualChart } from "./residual-chart.js";
export { type DrawnComparison, type DrawnInterval, routerFigure } from "./router-figure.js";
export { type ServiceCurveChartOptions, serviceCurveChart } from "./service-curve-chart.js";
export { sessionStripText } from "./session-strip.js";
export { type SurvivalPanelsOptions, survivalPanels } from "./survival-panels.js";
export type {
  SurvivalCurveData,
  SurvivalMark,
  SurvivalPanel,
  SurvivalSeries,
  SurvivalStyle,
} from "./survival-series.js";
export { type SweepChartOptions, type SweepSeries, sweepChart } from "./sweep-chart.js";
export { type TableChartOptions, tableChart } from "./table-chart.js";
export { type TimeLimitFigureOptions, timeLimitFigure } from "./time-limit-figure.js";
export { type FigureFiles, writeFigure } from "./write-figure.js";
export { type ChartMark, type ChartSeries, type XyChartOptions, xyChart } from "./xy-chart.js";
