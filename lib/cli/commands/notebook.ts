import { mkdir, readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { InputError, WorkError } from "../../base/index.js";
import {
  type ExerciseGrade,
  type FileResult,
  formatNotebook,
  gradeNotebook,
  jupyterDataDir,
  kernelName,
  parseNotebook,
  registerKernel,
  registerLabExtension,
  runFiles,
  studentCopy,
} from "../../notebook/index.js";
import { writeWhole } from "../../output/index.js";
import { printErr, printOut } from "../terminal.js";

/** The `notebook` command: run notebooks headless, register their kernel. */
export function notebookCommand(): Command {
  const command = new Command("notebook").description(
    "Run notebooks headless, hand them out and mark them, or register their kernel with Jupyter.",
  );
  command
    .command("run")
    .description("Execute notebooks without Jupyter and write their outputs back: the same bytes each time.")
    .argument("[files...]", "notebooks (default: the project's own)")
    .option("--timeout <seconds>", "longest time of one cell", "120")
    .option("--jobs <n>", "notebooks at a time (default: one a processor, at most 4)")
    .option("--check", "compare with the outputs in the files and write nothing; a difference is a failure")
    .option("--out-dir <dir>", "write executed copies here and leave the files")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  npx prefixlab notebook run notebooks/01-capture.ipynb\n")
    .action(runNotebooks);
  command
    .command("kernel")
    .description(
      "Register the TypeScript kernel of this checkout with Jupyter, for JupyterLab, VS Code and nbconvert, and make figures interactive in JupyterLab.",
    )
    .option("--dir <dir>", "a Jupyter data folder (default: the user's own); use it with JUPYTER_PATH")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nExample:\n  npx prefixlab notebook kernel\n  jupyter execute --kernel_name=${kernelName} notebooks/01-capture.ipynb\n`,
    )
    .action(async (flags: { dir?: string; json?: boolean }) => {
      const dataDir = resolve(flags.dir ?? jupyterDataDir());
      const dir = await registerKernel(dataDir);
      const labExtension = await registerLabExtension(dataDir);
      if (flags.json)
        printOut(
          `${JSON.stringify({ name: kernelName, dir, data_dir: dataDir, lab_extension: labExtension })}\n`,
        );
      else {
        printOut(`kernel "${kernelName}" registered in ${dir}\n`);
        printOut(`interactive figures for JupyterLab in ${labExtension}\n`);
        if (flags.dir !== undefined) printOut(`Jupyter finds it with JUPYTER_PATH=${dataDir}\n`);
      }
    });
  command
    .command("student")
    .description("Write the copies to work in: the notebooks with their solutions and outputs taken out.")
    .argument("[files...]", "notebooks (default: the project's own)")
    .option("--out-dir <dir>", "default: the folder student/ beside each notebook")
    .option("--force", "write over copies that hold something else, such as your answers")
    .addHelpText("after", "\nExample:\n  npx prefixlab notebook student\n")
    .action(writeStudentCopies);
  command
    .command("grade")
    .description(
      "Run students' copies and count their answers: right, wrong, not yet, or not reached. A check that was changed in a copy counts for nothing.",
    )
    .argument("<files...>", "answered copies, each named as the notebook it is a copy of")
    .option("--of <dir>", "the notebooks that were handed out (default: the project's own)")
    .option("--timeout <seconds>", "longest time of one cell", "120")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  npx prefixlab notebook grade notebooks/student/*.ipynb\n")
    .action(gradeCopies);
  command.addHelpText("after", "\nExample:\n  npx prefixlab notebook run\n");
  return command;
}

async function writeStudentCopies(
  given: readonly string[],
  flags: { outDir?: string; force?: boolean },
): Promise<void> {
  for (const file of given.length > 0 ? given : await ownNotebooks()) {
    const dir = flags.outDir ?? join(dirname(file), "student");
    await mkdir(dir, { recursive: true });
    const copy = studentCopy(parseNotebook(await readFile(file, "utf8"), file));
    const path = join(dir, basename(file));
    const text = formatNotebook(copy);
    const before = await readFile(path, "utf8").catch(() => text);
    if (before !== text && !flags.force)
      throw new InputError(`${path} has other contents, perhaps your answers: give --force to write over it`);
    await writeWhole(path, text);
    printErr(`wrote ${path}\n`);
  }
}

/** A verdict on one copy. */
interface CopyGrade {
  readonly file: string;
  readonly exercises: readonly ExerciseGrade[];
}

async function gradeCopies(
  files: readonly string[],
  flags: { readonly of?: string; readonly timeout: string; readonly json?: boolean },
): Promise<void> {
  const cellTimeoutMs = 1000 * positive("--timeout", flags.timeout);
  const dir = flags.of ?? dirname((await ownNotebooks())[0]);
  const grades: CopyGrade[] = [];
  for (const file of files) {
    const original = join(dir, basename(file));
    const text = await readFile(original, "utf8").catch(() => {
      throw new InputError(`${file}: there is no ${original} that it could be a copy of: give --of DIR`);
    });
    const exercises = await gradeNotebook({
      file: resolve(file),
      answered: parseNotebook(await readFile(file, "utf8"), file),
      handedOut: parseNotebook(text, original),
      cellTimeoutMs,
    });
    grades.push({ file, exercises });
    if (!flags.json) printOut(`${gradeLine(file, exercises)}\n`);
  }
  if (flags.json) printOut(`${JSON.stringify(grades, null, 2)}\n`);
  else if (grades.length > 1)
    printOut(
      `${gradeLine(
        "all",
        grades.flatMap(({ exercises }) => exercises),
      )}\n`,
    );
}

function gradeLine(of: string, exercises: readonly ExerciseGrade[]): string {
  const right = exercises.filter(({ verdict }) => verdict === "right").length;
  const others = exercises.filter(({ verdict }) => verdict !== "right");
  const named = of === "all" ? [] : others.map(({ exercise, verdict }) => `${exercise} ${verdict}`);
  return `${of}: ${right} of ${exercises.length} right${named.map((text) => `, ${text}`).join("")}`;
}

interface RunFlags {
  readonly timeout: string;
  readonly jobs?: string;
  readonly check?: boolean;
  readonly outDir?: string;
  readonly json?: boolean;
}

async function runNotebooks(given: readonly string[], flags: RunFlags): Promise<void> {
  const files = given.length > 0 ? given : await ownNotebooks();
  const jobs =
    flags.jobs === undefined ? Math.min(4, availableParallelism()) : positive("--jobs", flags.jobs);
  const cellTimeoutMs = 1000 * positive("--timeout", flags.timeout);
  if (flags.outDir !== undefined) await mkdir(flags.outDir, { recursive: true });
  const results = await runFiles({
    files,
    cellTimeoutMs,
    jobs: Math.floor(jobs),
    ...(flags.outDir === undefined ? {} : { outDir: flags.outDir }),
    ...(flags.check ? { check: true } : {}),
    ...(process.stderr.isTTY
      ? { onProgress: (file, done, of) => process.stderr.write(`\r\x1b[K${basename(file)} ${done}/${of}`) }
      : {}),
    onFile: (result) => {
      if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
      printErr(`${fileReport(result)}\n`);
    },
  });
  if (flags.json) printOut(`${JSON.stringify(results.map(resultJson), null, 2)}\n`);
  const failed = results.filter(({ failure, differences }) => failure || differences.length > 0).length;
  if (failed > 0)
    throw new WorkError(
      `${failed} of ${results.length} notebooks failed; their files keep the outputs of the last run that did not`,
    );
}

function fileReport({ file, codeCells, failure, wallMs, changed, differences }: FileResult): string {
  const seconds = `${(wallMs / 1000).toFixed(1)} s`;
  if (failure) {
    const line = failure.error.line === undefined ? "" : `, line ${failure.error.line}`;
    return [`FAIL ${file}: cell ${failure.cellNumber}${line} (${seconds})`, ...failure.error.traceback].join(
      "\n  ",
    );
  }
  if (differences.length > 0) return [`DIFF ${file} (${seconds})`, ...differences].join("\n  ");
  return `ok   ${file}: ${codeCells} cells, ${seconds}${changed ? ", outputs changed" : ""}`;
}

function resultJson({ file, codeCells, failure, wallMs, changed, differences }: FileResult): object {
  return {
    file,
    ok: !failure && differences.length === 0,
    code_cells: codeCells,
    wall_s: wallMs / 1000,
    changed,
    differences,
    ...(failure
      ? {
          cell: failure.cellNumber,
          line: failure.error.line ?? null,
          error: failure.error.name,
          message: failure.error.message,
          traceback: failure.error.traceback,
        }
      : {}),
  };
}

/** The notebooks of this checkout, in reading order. */
async function ownNotebooks(): Promise<string[]> {
  const dir = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "notebooks");
  const names = await readdir(dir).catch(() => [] as string[]);
  const files = names.filter((name) => name.endsWith(".ipynb")).sort();
  if (files.length === 0) throw new InputError(`no notebooks in ${dir}: name the files to run`);
  return files.map((name) => join(dir, name));
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InputError(`${flag} must be a positive number, got ${JSON.stringify(text)}`);
  return value;
}
