import { readFileSync } from "node:fs";
import { describeFigure } from "./describe-figure.js";
import { escapeHtml } from "./escape-html.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { plotlyPath } from "./plotly-window.js";

/** What a page says around its figure. */
export interface HtmlOptions {
  /** Title of the browser's tab. Default "prefixlab figure". */
  readonly title?: string;
}

/** How many times the width that a figure was laid out for it takes at most: its labels were placed for that. */
const widest = 1.5;

/**
 * A figure as one self-contained page: plotly's script is part of it, so that it opens offline, at the window's width but no
 * narrower than its labels were placed for, with
 * zoom, hover and its own "download" button. About 1.3 MB, nearly all of it plotly; 10 MB with other trace types than scatter,
 * bar and pie.
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
  const { width: _, ...layout } = figure.layout;
  const json = JSON.stringify({ data: figure.data, layout: { ...layout, autosize: true } }).replaceAll(
    "<",
    "\\u003c",
  );
  const script = readFileSync(plotlyPath(figure), "utf8").replaceAll("</script", "<\\/script");
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body style="margin:0">
<div id="figure" role="figure" aria-label="${escapeHtml(describeFigure(figure))}" style="min-width:${figure.layout.width}px;max-width:${widest * figure.layout.width}px"></div>
<script>${script}</script>
<script>
const figure = ${json};
Plotly.newPlot("figure", figure.data, figure.layout, { responsive: true, displaylogo: false });
</script>
</body>
</html>
`;
}
