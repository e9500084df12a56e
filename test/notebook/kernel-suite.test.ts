import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { registerKernel } from "../../dist/notebook/index.js";
import { scratchFolder } from "./sample-notebook.js";

const python = join(process.env.PREFIXLAB_JUPYTER_BIN ?? "", "python");
const hasSuite = spawnSync(python, ["-c", "import jupyter_kernel_test"]).status === 0;
const noSuite = hasSuite
  ? ""
  : " (skipped: PREFIXLAB_JUPYTER_BIN names no environment with jupyter_kernel_test)";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

describe.skipIf(noSuite !== "")(`Jupyter's test suite for kernels${noSuite}`, () => {
  it("passes but for the two messages that this kernel has no use for: pages and cleared outputs", async () => {
    await registerKernel(scratch.dir);
    const { stderr, status } = spawnSync(python, [join(import.meta.dirname, "kernel_suite.py"), "-v"], {
      encoding: "utf8",
      cwd: scratch.dir,
      env: { ...process.env, JUPYTER_PATH: scratch.dir, JUPYTER_RUNTIME_DIR: join(scratch.dir, "runtime") },
    });
    expect(status, stderr).toBe(0);
    const outcomes = [...stderr.matchAll(/^(test_\w+) .*?\.\.\. (?:.*\n)??(ok|skipped .*)$/gm)];
    const skipped = outcomes.filter(([, , outcome]) => outcome !== "ok").map(([, name]) => name);
    expect(skipped.sort()).toEqual(["test_clear_output", "test_pager"]);
    expect(outcomes.length).toBeGreaterThan(10);
  });
});
