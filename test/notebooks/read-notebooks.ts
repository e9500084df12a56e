import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Notebook, parseNotebook } from "../../lib/notebook/index.js";

export const notebooksDir = join(import.meta.dirname, "..", "..", "notebooks");

/** The notebooks, in reading order. */
export const notebooks: readonly {
  readonly name: string;
  readonly file: string;
  readonly notebook: Notebook;
}[] = readdirSync(notebooksDir)
  .filter((name) => name.endsWith(".ipynb"))
  .sort()
  .map((name) => {
    const file = join(notebooksDir, name);
    return { name, file, notebook: parseNotebook(readFileSync(file, "utf8"), name) };
  });
