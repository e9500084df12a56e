import { createRequire } from "node:module";
import { WorkError } from "../base/index.js";
import type { NotebookFrame } from "./data-frame.js";
import { describeFigure } from "./describe-figure.js";
import { rounded } from "./format-quantity.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { renderPng } from "./render-png.js";
import { valueText } from "./value-text.js";

/** Sharpness of the pictures in notebooks: picture pixels per layout pixel. */
const notebookScale = 1.5;

/** A page of its own, shown in a frame. */
export interface NotebookPage {
  /** The whole page. */
  readonly html: string;
  /** What stands in its place where no page can be shown. */
  readonly text: string;
  readonly heightPx: number;
}

/** Forms of one value, of which a front end takes the best it can. */
export interface MimeBundle {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Shows a value in a notebook, as one bundle of forms of which the front end takes the best it can: a figure is interactive
 * where plotly is known and a PNG everywhere else, a table is HTML or plain text, a page stands in a frame of its own, and
 * anything else is text: whole where it is short, otherwise an outline of its fields.
 * @throws WorkError outside a notebook
 * @example
 * ```ts
 * import { display, toDataFrame } from "prefixlab";
 * // In a notebook's cell: the table appears below it.
 * await display(toDataFrame([{ turn: 1, ttftMs: 430 }])); // → undefined
 * ```
 */
export async function display(shown: unknown): Promise<void> {
  const write = notebookWriter();
  if (!write)
    throw new WorkError("display: there is no notebook to show this in; use writeFigure to write files");
  write({ ...(await valueBundle(shown)), transient: {} });
}

/**
 * Any value as a notebook shows it: a figure, a table or a page as such, anything else as text that is short enough to read.
 * @example
 * ```ts
 * import { valueBundle } from "prefixlab/figure";
 * (await valueBundle("two words")).data; // → { "text/plain": "two words" }
 * ```
 */
export async function valueBundle(value: unknown): Promise<MimeBundle> {
  if (isFigure(value)) return figureBundle(value);
  if (isPage(value)) return { data: pageBundle(value), metadata: {} };
  if (isTable(value)) return { data: tableBundle(value), metadata: {} };
  return { data: { "text/plain": valueText(value) }, metadata: {} };
}

/** tslab's way to the front end. An installation without tslab, an optional peer, runs no notebook. */
function notebookWriter(): ((bundle: object, update?: boolean) => void) | null {
  const require = createRequire(import.meta.url);
  try {
    require.resolve("tslab/dist/jupyter.js");
  } catch {
    return null;
  }
  return (require("tslab/dist/jupyter.js") as { lastWriteDisplayData: ReturnType<typeof notebookWriter> })
    .lastWriteDisplayData;
}

/**
 * A figure as a notebook's output: interactive at the cell's width, and a picture that takes no more than the width it was drawn
 * for. Front ends read the picture's size and its text for those who do not see it from the metadata.
 */
export async function figureBundle(
  figure: PlotlyFigure,
): Promise<{ readonly data: Record<string, unknown>; readonly metadata: Record<string, unknown> }> {
  const png = await renderPng(figure, { scale: notebookScale });
  const { width, height } = figure.layout;
  const layout = { ...figure.layout, autosize: true, width: undefined };
  const alt = describeFigure(figure);
  return {
    data: {
      "application/vnd.plotly.v1+json": {
        data: figure.data,
        layout: JSON.parse(JSON.stringify(layout)),
        config: { displaylogo: false, responsive: true },
      },
      "image/png": Buffer.from(png).toString("base64"),
      "text/plain": `figure: ${alt}`,
    },
    metadata: { "image/png": { width, height, alt } },
  };
}

/** The MIME bundle of a page: nothing of it reaches the notebook around it. */
export function pageBundle({ html, text, heightPx }: NotebookPage): Record<string, unknown> {
  const source = html.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return {
    "text/html": `<iframe title="${escapeHtml(text).replaceAll('"', "&quot;")}" style="width:100%;height:${heightPx}px;border:0" srcdoc="${source}"></iframe>`,
    "text/plain": text,
  };
}

/** The MIME bundle of a table. */
export function tableBundle(frame: NotebookFrame): Record<string, unknown> {
  const head = [...frame.columns];
  const body = frame.values.map((row) => row.map(cellText));
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  const widths = head.map((name, at) => Math.max(name.length, ...body.map((cells) => cells[at].length)));
  const plain = [head, ...body].map((cells) => cells.map((cell, at) => cell.padStart(widths[at])).join("  "));
  return {
    "text/html": `<table><thead>${row(head, "th")}</thead><tbody>${body.map((cells) => row(cells, "td")).join("")}</tbody></table>`,
    "text/plain": plain.join("\n"),
  };
}

function cellText(value: unknown): string {
  return typeof value === "number" ? String(rounded(value)) : String(value);
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isFigure(value: unknown): value is PlotlyFigure {
  return isObject(value) && Array.isArray(value.data) && isObject(value.layout);
}

function isPage(value: unknown): value is NotebookPage {
  return isObject(value) && typeof value.html === "string" && typeof value.heightPx === "number";
}

function isTable(value: unknown): value is NotebookFrame {
  return isObject(value) && Array.isArray(value.columns) && Array.isArray(value.values);
}
