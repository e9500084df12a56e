import { isJsonObject } from "../base/index.js";
import type { CellOutput, Notebook, NotebookJson } from "./notebook-file.js";

/**
 * Where the outputs of two runs of a notebook differ. Pictures are compared by being there: the drawing they show
 * is compared as plotly data beside them, and a rasteriser may round a pixel differently on another processor.
 */
export function differences(expected: Notebook, actual: Notebook): string[] {
  const found: string[] = [];
  expected.cells.forEach((cell, index) => {
    if (cell.cellType !== "code") return;
    const wanted = (cell.outputs ?? []).map(comparable);
    const got = (actual.cells[index]?.outputs ?? []).map(comparable);
    const where = `cell ${index + 1}`;
    if (wanted.length !== got.length) {
      found.push(`${where}: ${wanted.length} outputs expected, ${got.length} came`);
      return;
    }
    wanted.forEach((text, at) => {
      if (text !== got[at]) found.push(`${where}, output ${at + 1}: ${firstDifference(text, got[at])}`);
    });
  });
  return found;
}

function comparable(output: CellOutput): string {
  if (output.output_type === "stream") return `${output.name}\n${output.text}`;
  if (output.output_type === "error") return [output.ename, output.evalue, ...output.traceback].join("\n");
  return Object.keys(output.data)
    .sort()
    .map((mime) => (mime.startsWith("image/") ? mime : `${mime}\n${textOf(output.data[mime])}`))
    .join("\n");
}

function textOf(value: NotebookJson): string {
  return typeof value === "string"
    ? value
    : JSON.stringify(value, (_, inner: NotebookJson) =>
        isJsonObject(inner)
          ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
          : inner,
      );
}

function firstDifference(expected: string, actual: string): string {
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at++;
  const from = Math.max(0, at - 30);
  const cut = (text: string) => JSON.stringify(text.slice(from, at + 50));
  return `expected ${cut(expected)}, got ${cut(actual)}`;
}
