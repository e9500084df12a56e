import type { FigureJson, PlotlyFigure } from "./plotly-figure.js";

/**
 * A figure in words, for those who do not see it: its title, what its axes measure, and what its texts say, each once, in the
 * order in which they are drawn. Direct labels carry medians and counts, so these are told.
 * @example
 * ```ts
 * import { describeFigure, loadChart } from "prefixlab";
 * const figure = loadChart({ timesMs: [0, 1000], running: [1, 8], waiting: [0, 3] });
 * describeFigure(figure); // → "Requests in the engine over time. Axes: time since the start, s; requests. running. waiting."
 * ```
 */
export function describeFigure({ layout }: PlotlyFigure): string {
  const texts = ((layout.annotations ?? []) as readonly FigureJson[]).map((annotation) => textOf(annotation));
  const axes = Object.keys(layout)
    .filter((name) => /^[xy]axis\d*$/.test(name))
    .map((name) => textOf((layout[name] as { readonly title?: FigureJson }).title));
  const [title = "Figure", ...others] = unique(texts);
  const measured = unique(axes);
  const axesTold = measured.length > 0 ? [`Axes: ${measured.join("; ")}`] : [];
  return [title, ...axesTold, ...others].map((text) => `${text}.`).join(" ");
}

/** The text of an annotation or a title, without its markup. */
function textOf(holder: FigureJson | undefined): string {
  const text = (holder as { readonly text?: FigureJson } | undefined)?.text;
  return typeof text === "string" ? text.replace(/<br>/g, " ").replace(/<.*?>/g, "").replace(/\.$/, "") : "";
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts.filter((text) => text !== ""))];
}
