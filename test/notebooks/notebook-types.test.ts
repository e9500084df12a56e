import { join, relative } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { studentCopy } from "../../lib/notebook/index.js";
import { notebooks, notebooksDir } from "./read-notebooks.js";

/** One module a notebook and a student copy, whose cells must not need solutions: all code cells, each headed by its id. */
const modules = new Map(
  [
    ...notebooks.map(({ name, notebook }) => ({ path: name, notebook })),
    ...notebooks.map(({ name, notebook }) => ({
      path: join("student", name),
      notebook: studentCopy(notebook),
    })),
  ].map(({ path, notebook }) => [
    join(notebooksDir, path.replace(".ipynb", ".cells.ts")),
    notebook.cells
      .filter(({ cellType }) => cellType === "code")
      .map(({ id, source }) => `// ${id}\n${source}`)
      .join("\n"),
  ]),
);
const options: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2022.d.ts"],
  types: ["node"],
  typeRoots: [join(notebooksDir, "..", "node_modules", "@types")],
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists, readFile } = host;
host.fileExists = (file) => modules.has(file) || fileExists(file);
host.readFile = (file) => modules.get(file) ?? readFile(file);
host.getSourceFile = (file, target, ...rest) => {
  const source = modules.get(file);
  return source === undefined
    ? getSourceFile(file, target, ...rest)
    : ts.createSourceFile(file, source, target);
};
const program = ts.createProgram([...modules.keys()], options, host);

describe.each([...modules].map(([file, source]) => [relative(notebooksDir, file), file, source]))(
  "%s",
  (_, file, source) => {
    it("type-checks strictly, all cells together", () => {
      const found = ts
        .getPreEmitDiagnostics(program, program.getSourceFile(file))
        .map(({ start, messageText }) => {
          const before = source.slice(0, start ?? 0);
          const cell = before.match(/^\/\/ \d\d-.*$/gm)?.at(-1);
          const line = source.slice(before.lastIndexOf("\n") + 1).split("\n")[0];
          return `${cell}: ${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
        });
      expect(found).toEqual([]);
    });
  },
);
