import type { Ms } from "../base/index.js";
import { type AnswerVerdict, readVerdicts } from "../course/index.js";
import type { Notebook } from "./notebook-file.js";
import { runNotebook } from "./run-notebook.js";

/** What a copy answers of one exercise; "not reached" where its check did not run, or is not the one that was handed out. */
export interface ExerciseGrade {
  readonly exercise: string;
  readonly verdict: AnswerVerdict | "not reached";
}

/**
 * Runs a student's copy and reads what its checks say. The exercises and their digests are those of the notebook that was handed
 * out: a check that was changed in the copy counts for nothing. A cell that fails does not end the run.
 * @returns one entry an exercise, in their order
 */
export async function gradeNotebook(options: {
  /** Its folder is where imports and paths are seen from. */
  readonly file: string;
  readonly answered: Notebook;
  readonly handedOut: Notebook;
  readonly cellTimeoutMs: Ms;
}): Promise<ExerciseGrade[]> {
  const { file, answered, handedOut, cellTimeoutMs } = options;
  const cells = answered.cells.map((cell) => ({
    ...cell,
    metadata: { ...cell.metadata, tags: ["raises-exception"] },
  }));
  const { notebook } = await runNotebook({ file, notebook: { ...answered, cells }, cellTimeoutMs });
  const printed = notebook.cells
    .flatMap(({ outputs = [] }) => outputs)
    .flatMap((output) => (output.output_type === "stream" ? [output.text] : []))
    .join("\n");
  const digests = exerciseDigests(handedOut);
  const verdicts = readVerdicts(printed, digests);
  return Object.keys(digests).map((exercise) => ({
    exercise,
    verdict: verdicts[exercise] ?? "not reached",
  }));
}

/** The digests in a notebook's calls of `checkAnswer`, by exercise. */
export function exerciseDigests(notebook: Notebook): Record<string, string> {
  const code = notebook.cells.filter(({ cellType }) => cellType === "code").map(({ source }) => source);
  const calls = code.join("\n").matchAll(/checkAnswer\("([^"]+)",[^"]*"([\da-f.]+)"\)/g);
  return Object.fromEntries([...calls].map(([, exercise, digest]) => [exercise, digest]));
}
