import { dirname } from "node:path";
import type { Ms } from "../base/index.js";
import type { CellError } from "./cell-error.js";
import type { Notebook, NotebookCell } from "./notebook-file.js";
import { openSession } from "./notebook-session.js";

export interface RunNotebookOptions {
  /** Its folder is where imports and paths are seen from. */
  readonly file: string;
  readonly notebook: Notebook;
  /** Longest time of one cell. */
  readonly cellTimeoutMs: Ms;
  /** Called after each code cell. */
  readonly onCell?: (done: number, of: number) => void;
}

/** Time for what the cells set going and nobody awaited, behind the last one. */
const finishMs: Ms = 500;

/** An executed notebook, or as far as it came. */
export interface NotebookRun {
  readonly notebook: Notebook;
  readonly codeCells: number;
  /** The cell that ended the run, counted from 1 over all cells, prose included. */
  readonly failure?: { readonly cellNumber: number; readonly error: CellError };
}

/**
 * Runs a notebook from its first cell in a process of its own, and returns it with outputs and execution counts. It
 * ends at the first cell that fails, unless the cell is tagged `raises-exception`: then failing is what it shows. A promise that is rejected and that nobody awaited is a failure
 * of the cell that ran meanwhile, or of the last one.
 */
export async function runNotebook(options: RunNotebookOptions): Promise<NotebookRun> {
  const { notebook, file, cellTimeoutMs, onCell } = options;
  const codeCells = notebook.cells.filter(({ cellType }) => cellType === "code").length;
  const session = await openSession(dirname(file));
  const cells: NotebookCell[] = notebook.cells.map(({ executionCount: _, ...cell }) =>
    cell.cellType === "code" ? { ...cell, outputs: [] } : cell,
  );
  let count = 0;
  try {
    for (const [index, cell] of cells.entries()) {
      if (cell.cellType !== "code") continue;
      const { result, outputs } = await session.execute(cell.source, index + 1, cellTimeoutMs);
      count++;
      const counted = outputs.map((output) =>
        output.output_type === "execute_result" ? { ...output, execution_count: count } : output,
      );
      cells[index] = { ...cell, executionCount: count, outputs: counted };
      onCell?.(count, codeCells);
      const expected = isTagged(cell, "raises-exception");
      if (!result.ok && !expected)
        return {
          notebook: { ...notebook, cells },
          codeCells,
          failure: { cellNumber: index + 1, error: result.error },
        };
    }
    const last = cells.findLastIndex(({ cellType }) => cellType === "code");
    const late = last < 0 ? undefined : await session.finish(finishMs);
    if (late && !late.result.ok && !isTagged(cells[last], "raises-exception")) {
      const failure = { cellNumber: last + 1, error: late.result.error };
      const errors = late.outputs.filter(({ output_type }) => output_type === "error");
      cells[last] = { ...cells[last], outputs: [...(cells[last].outputs ?? []), ...errors] };
      return { notebook: { ...notebook, cells }, codeCells, failure };
    }
  } finally {
    session.close();
  }
  return { notebook: { ...notebook, cells }, codeCells };
}

/** Whether a cell carries a tag. */
export function isTagged(cell: NotebookCell, tag: string): boolean {
  const tags = cell.metadata.tags;
  return Array.isArray(tags) && tags.includes(tag);
}
