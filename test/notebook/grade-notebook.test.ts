import { afterAll, describe, expect, it } from "vitest";
// The kernel process is compiled code, so the runner is taken from there too.
import { gradeNotebook } from "../../dist/notebook/index.js";
import { answerDigest } from "../../lib/course/index.js";
import { exerciseDigests, studentCopy } from "../../lib/notebook/index.js";
import type { Notebook, NotebookCell } from "../../lib/notebook/notebook-file.js";
import { scratchFolder } from "./sample-notebook.js";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const code = (source: string, metadata: NotebookCell["metadata"] = {}): NotebookCell => ({
  cellType: "code",
  id: source.slice(0, 8),
  source,
  metadata,
  outputs: [],
});

const digest = answerDigest("1.1", [96, 64], 15);
const check = (answer: string, exercise = "1.1", of = digest) =>
  code(`console.log(checkAnswer("${exercise}", ${answer}, "${of}"));`);

const handedOut: Notebook = {
  metadata: {},
  cells: [
    code('import { checkAnswer } from "prefixlab/course";'),
    code("const answer1 = [96, 64];", {
      tags: ["solution"],
      stub: "const answer1: number[] | undefined = undefined;\n",
    }),
    check("answer1"),
    code("const answer2 = 7;", {
      tags: ["solution"],
      stub: "const answer2: number | undefined = undefined;\n",
    }),
    check("answer2", "1.2", answerDigest("1.2", 7)),
  ],
};

const grade = async (cells: readonly NotebookCell[]) => {
  const answered = { ...handedOut, cells };
  const file = `${scratch.dir}/copy.ipynb`;
  const grades = await gradeNotebook({ file, answered, handedOut, cellTimeoutMs: 30_000 });
  return grades.map(({ exercise, verdict }) => `${exercise} ${verdict}`);
};

/** The student's copy with cells replaced, by their place. */
const answering = (...answers: readonly (readonly [at: number, source: string])[]) =>
  studentCopy(handedOut).cells.map((cell, at) => {
    const answer = answers.find(([place]) => place === at);
    return answer ? { ...cell, source: answer[1] } : cell;
  });

describe("gradeNotebook", () => {
  it("finds the exercises of a notebook, and no answer in its student copy", async () => {
    expect(Object.keys(exerciseDigests(handedOut))).toEqual(["1.1", "1.2"]);
    const copy = studentCopy(handedOut);
    expect(copy.cells[1]).toMatchObject({ source: expect.stringContaining("undefined"), metadata: {} });
    expect(JSON.stringify(copy)).not.toMatch(/\[96, 64\]|= 7/);
    expect(await grade(copy.cells)).toEqual(["1.1 not yet", "1.2 not yet"]);
  });

  it("counts right and wrong answers, and goes on behind a cell that fails", async () => {
    expect(await grade(answering([1, "const answer1 = [96, 64];"], [3, "const answer2 = 8;"]))).toEqual([
      "1.1 right",
      "1.2 wrong",
    ]);
    expect(await grade(answering([1, "throw new Error('no');"], [3, "const answer2 = 7;"]))).toEqual([
      "1.1 not reached",
      "1.2 right",
    ]);
  });

  it("counts no check that was changed, and no line that only looks like one", async () => {
    const forged = answering([2, `console.log(checkAnswer("1.1", 1, "${answerDigest("1.1", 1)}"));`]);
    expect(await grade(forged)).toEqual(["1.1 not reached", "1.2 not yet"]);
    const printed = answering([2, 'console.log("exercise 1.1: right [000000]");']);
    expect(await grade(printed)).toEqual(["1.1 not reached", "1.2 not yet"]);
  });
});
