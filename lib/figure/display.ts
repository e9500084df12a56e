import { createRequire } from "node:module";
import { WorkError } from "../base/index.js";
import { shownCells, type Table } from "../table/index.js";
import { describeFigure } from "./describe-figure.js";
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
 * import { display, tableOf } from "prefixlab";
 * // In a notebook's cell: the table appears below it.
 * await display(tableOf([{ turn: 1, ttft_ms: 430 }])); // → undefined
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
 * (await valueBundle("two words")).data["text/plain"]; // → "two words"
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

/** The MIME bundle of a table: a column's type stands in its head. */
export function tableBundle(table: Table): Record<string, unknown> {
  const { head, body, note } = shownCells(table);
  const heads = head.map((name, at) => `<th title="${table.columns[at].type}">${escapeHtml(name)}</th>`);
  const rows = body.map(
    (cells) => `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`,
  );
  const below = note ? `<p>${escapeHtml(note)}</p>` : "";
  return {
    "text/html": `<table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>${below}`,
    "text/plain": String(table),
  };
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

function isTable(value: unknown): value is Table {
  return isObject(value) && Array.isArray(value.columns) && Array.isArray(value.rows) && "numbers" in value;
}
