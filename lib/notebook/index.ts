/**
 * Notebooks under tslab: running them headless, and their Jupyter kernel.
 *
 * Read `cell-executor.ts` first (cells in one scope, over tslab's converter: `cell-compiler.ts`, `module-to-function.ts`), then
 * `run-notebook.ts` (headless, in a process of its own) and `kernel-server.ts` (the same executor behind Jupyter's wire
 * protocol). `lab-extension.ts` draws figures in JupyterLab. What cells import is the package itself; this room only runs them.
 */
export type { CellError } from "./cell-error.js";
export { type ExerciseGrade, exerciseDigests, gradeNotebook } from "./grade-notebook.js";
export { jupyterDataDir, kernelName, kernelSpec, registerKernel } from "./kernel-spec.js";
export { registerLabExtension } from "./lab-extension.js";
export {
  type CellOutput,
  formatNotebook,
  type Notebook,
  type NotebookCell,
  parseNotebook,
} from "./notebook-file.js";
export { type FileResult, type RunFilesOptions, runFiles } from "./run-files.js";
export { isTagged, type NotebookRun, type RunNotebookOptions, runNotebook } from "./run-notebook.js";
export { studentCopy } from "./student-copy.js";
