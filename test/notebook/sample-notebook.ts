import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatNotebook, type Notebook } from "../../lib/notebook/index.js";

/** A notebook of code cells. */
export function notebookOf(...sources: string[]): Notebook {
  return {
    cells: sources.map((source, index) => ({
      cellType: "code",
      id: `cell-${index + 1}`,
      source,
      metadata: {},
      outputs: [],
    })),
    metadata: {},
  };
}

/** A folder inside the project, from which the package resolves by its name, and its removal. */
export function scratchFolder(): {
  readonly dir: string;
  write(name: string, notebook: Notebook): string;
  remove(): void;
} {
  const out = join(import.meta.dirname, "..", "..", "out");
  mkdirSync(out, { recursive: true });
  const dir = mkdtempSync(join(out, "notebook-test-"));
  return {
    dir,
    write(name, notebook) {
      const file = join(dir, name);
      writeFileSync(file, formatNotebook(notebook));
      return file;
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
