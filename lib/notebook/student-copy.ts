import type { Notebook, NotebookCell } from "./notebook-file.js";
import { isTagged } from "./run-notebook.js";

/**
 * The copy of a notebook to work in: cells tagged `solution` are emptied, to the text `stub` of their metadata where they have
 * one; those tagged `solutions-only` are left out, and nothing has been run. The notebook with its solutions is the source; the
 * copy is never edited by hand.
 */
export function studentCopy(notebook: Notebook): Notebook {
  return {
    ...notebook,
    cells: notebook.cells.filter((cell) => !isTagged(cell, "solutions-only")).map(emptied),
  };
}

function emptied(cell: NotebookCell): NotebookCell {
  const { executionCount: _, ...rest } = cell;
  const { stub, ...metadata } = rest.metadata;
  const empty = cell.cellType === "code" ? "// Your answer.\n" : "*Your answer.*";
  const source = !isTagged(cell, "solution") ? cell.source : typeof stub === "string" ? stub : empty;
  return cell.cellType === "code"
    ? { ...rest, metadata, source, outputs: [] }
    : { ...rest, metadata, source: oneFolderDeeper(source) };
}

/** Relative links for a copy in a folder below the notebook's; the other notebooks have copies beside it. */
function oneFolderDeeper(markdown: string): string {
  return markdown.replace(/\]\((?!\w+:|#|[^)]*\.ipynb)([^)]+)\)/g, "](../$1)");
}
