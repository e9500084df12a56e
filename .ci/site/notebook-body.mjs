// A notebook as a page: its cells in order, with the outputs that are committed in it.
import { codeBlock, escapeHtml } from "./highlight.mjs";

const textOf = (lines) => (Array.isArray(lines) ? lines.join("") : (lines ?? ""));

/** What {@link collectPages} wants of a page. */
export function notebookBody(notebook, source, markdown) {
  const anchors = new Set();
  const body = groups(notebook.cells)
    .map(({ isSolution, cells }) => {
      const html = cells
        .map((cell) => cellHtml(cell, (text) => markdown.render(text, source, anchors)))
        .join("\n");
      return isSolution ? `<details class="solution"><summary>Solution</summary>${html}</details>` : html;
    })
    .join("\n");
  const prose = notebook.cells
    .filter((cell) => cell.cell_type === "markdown")
    .map((cell) => textOf(cell.source));
  return {
    title: /^# (.+)$/m.exec(prose.join("\n"))?.[1] ?? source,
    body: `<article class="notebook">${body}</article>`,
    hasFigures: body.includes('class="plot"'),
  };
}

/** Cells in a row that are a solution, or are none. */
function groups(cells) {
  const found = [];
  for (const cell of cells) {
    const isSolution = (cell.metadata.tags ?? []).some((tag) => tag.startsWith("solution"));
    const last = found.at(-1);
    if (last?.isSolution === isSolution) last.cells.push(cell);
    else found.push({ isSolution, cells: [cell] });
  }
  return found;
}

function cellHtml(cell, render) {
  const text = textOf(cell.source);
  if (cell.cell_type === "markdown") return render(text);
  return `<div class="cell">${codeBlock(text, "ts")}${(cell.outputs ?? []).map(outputHtml).join("")}</div>`;
}

function outputHtml(output) {
  const printed = (text, kind) => `<pre class="output ${kind}" tabindex="0">${escapeHtml(text)}</pre>`;
  if (output.output_type === "stream") return printed(textOf(output.text), output.name);
  if (output.output_type === "error") return printed(output.traceback.join("\n"), "stderr");
  const { data, metadata = {} } = output;
  const figure = data["application/vnd.plotly.v1+json"];
  const picture = data["image/png"];
  if (picture) {
    const { width, height, alt = textOf(data["text/plain"]) } = metadata["image/png"] ?? {};
    const size = width ? ` width="${width}" height="${height}"` : "";
    const drawn = `<img src="data:image/png;base64,${textOf(picture).trim()}" alt="${escapeHtml(alt)}"${size}>`;
    const live = figure
      ? `<script type="application/json">${JSON.stringify(figure).replaceAll("<", "\\u003c")}</script>`
      : "";
    return `<figure class="${figure ? "plot" : "picture"}">${drawn}${live}</figure>`;
  }
  if (data["text/html"]) return `<div class="output wide">${textOf(data["text/html"])}</div>`;
  return printed(textOf(data["text/plain"]), "stdout");
}
