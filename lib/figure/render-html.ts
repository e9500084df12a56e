import { readFileSync } from "node:fs";
import type { PlotlyFigure } from "./plotly-figure.js";
import { plotlyPath } from "./plotly-window.js";

/** What a page says around its figure. */
export interface HtmlOptions {
  /** Title of the browser's tab. Default "prefixlab figure". */
  readonly title?: string;
}

/**
 * A figure as one self-contained page: plotly's script is part of it, so that it opens offline, with zoom, hover
 * and its own "download" button. About 10 MB, nearly all of it plotly.
 * @example
 * ```ts
 * import { loadChart, renderHtml } from "prefixlab";
 * const figure = loadChart({ timesMs: [0, 1000], running: [1, 8], waiting: [0, 3] });
 * renderHtml(figure, { title: "Load" }).includes("<title>Load</title>"); // → true
 * ```
 */
export function renderHtml(figure: PlotlyFigure, options: HtmlOptions = {}): string {
  const title = escapeHtml(options.title ?? "prefixlab figure");
  // "</" inside a script would end it.
  const json = JSON.stringify(figure).replaceAll("<", "\\u003c");
  const script = readFileSync(plotlyPath(), "utf8").replaceAll("</script", "<\\/script");
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title></head>
<body style="margin:0">
<div id="figure"></div>
<script>${script}</script>
<script>
const figure = ${json};
Plotly.newPlot("figure", figure.data, figure.layout, { responsive: false, displaylogo: false });
</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
