import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
// The kernel process is compiled code, so the runner is taken from there too.
import { runFiles } from "../../dist/notebook/index.js";
import { notebooks } from "./read-notebooks.js";

it(
  "every notebook runs from its first cell to its last and gives the outputs that are committed",
  async () => {
    const results = await runFiles({
      files: notebooks.map(({ file }) => file),
      cellTimeoutMs: 120_000,
      jobs: Math.min(4, availableParallelism()),
      check: true,
    });
    const problems = results.flatMap(({ file, failure, differences }) => [
      ...(failure ? [`${file}, cell ${failure.cellNumber}: ${failure.error.traceback.join("\n")}`] : []),
      ...differences.map((difference) => `${file}, ${difference}`),
    ]);
    expect(problems).toEqual([]);
  },
  15 * 60_000,
);
