import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Ms } from "../base/index.js";
import { writeWhole } from "../output/index.js";
import { differences } from "./compare-outputs.js";
import { formatNotebook, parseNotebook } from "./notebook-file.js";
import { type NotebookRun, runNotebook } from "./run-notebook.js";

export interface RunFilesOptions {
  readonly files: readonly string[];
  readonly cellTimeoutMs: Ms;
  /** Notebooks executed at a time, each in a process of its own. */
  readonly jobs: number;
  /** Where executed copies go; undefined: back into the files. */
  readonly outDir?: string;
  /** Compare with the outputs in the files and write nothing. */
  readonly check?: boolean;
  readonly onProgress?: (file: string, done: number, of: number) => void;
  readonly onFile?: (result: FileResult) => void;
}

/** What came of one file. */
export interface FileResult extends Omit<NotebookRun, "notebook"> {
  readonly file: string;
  readonly wallMs: Ms;
  /** Whether the bytes of the file changed, or would have. */
  readonly changed: boolean;
  /** With `check`: where outputs differ from those in the file. */
  readonly differences: readonly string[];
}

/**
 * Runs notebook files, some at a time. A notebook that ran to its end is written with its outputs, and only if its
 * bytes change; one that failed is left as it is.
 * @returns one result a file, in the order of `files`
 */
export async function runFiles(options: RunFilesOptions): Promise<FileResult[]> {
  const results = new Array<FileResult>(options.files.length);
  let next = 0;
  const worker = async () => {
    while (next < options.files.length) {
      const at = next++;
      const result = await runFile(options.files[at], options);
      results[at] = result;
      options.onFile?.(result);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.jobs) }, worker));
  return results;
}

async function runFile(file: string, options: RunFilesOptions): Promise<FileResult> {
  const started = performance.now();
  const before = await readFile(file, "utf8");
  const notebook = parseNotebook(before, file);
  const run = await runNotebook({
    file: resolve(file),
    notebook,
    cellTimeoutMs: options.cellTimeoutMs,
    onCell: (done, of) => options.onProgress?.(file, done, of),
  });
  const after = formatNotebook(run.notebook);
  const target = options.outDir === undefined ? file : join(options.outDir, basename(file));
  const changed = after !== before;
  if (!run.failure && !options.check && (changed || target !== file)) await writeWhole(target, after);
  return {
    file,
    codeCells: run.codeCells,
    ...(run.failure ? { failure: run.failure } : {}),
    wallMs: performance.now() - started,
    changed,
    differences: options.check && !run.failure ? differences(notebook, run.notebook) : [],
  };
}
