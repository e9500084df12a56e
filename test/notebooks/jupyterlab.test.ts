import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registerKernel, registerLabExtension } from "../../dist/notebook/index.js";
import { differences } from "../../lib/notebook/compare-outputs.js";
import { formatNotebook, type Notebook, parseNotebook } from "../../lib/notebook/index.js";
import { chromium, openChromium } from "../chromium-page.js";
import { notebooks } from "./read-notebooks.js";

/** The `bin` folder of a Python environment with jupyterlab and nbclient. */
const jupyterBin = process.env.PREFIXLAB_JUPYTER_BIN ?? "";
const hasJupyter =
  existsSync(join(jupyterBin, "jupyter-lab")) && existsSync(join(jupyterBin, "jupyter-execute"));
const noJupyter = hasJupyter
  ? ""
  : " (skipped: PREFIXLAB_JUPYTER_BIN names no environment with jupyterlab and nbclient)";
const noBrowser = noJupyter || (chromium ? "" : " (skipped: no Chromium)");

const out = join(import.meta.dirname, "..", "..", "out");
mkdirSync(out, { recursive: true });
const dir = mkdtempSync(join(out, "jupyterlab-test-"));
// One path for everything that Jupyter writes, so that a user's own settings neither help nor suffer.
const env = {
  ...process.env,
  PATH: `${jupyterBin}:${process.env.PATH}`,
  JUPYTER_PATH: join(dir, "data"),
  JUPYTER_CONFIG_DIR: join(dir, "config"),
  JUPYTER_DATA_DIR: join(dir, "data"),
  JUPYTER_RUNTIME_DIR: join(dir, "runtime"),
  IPYTHONDIR: join(dir, "ipython"),
};
beforeAll(async () => {
  await registerKernel(join(dir, "data"));
  await registerLabExtension(join(dir, "data"));
});
// A kernel that was told to end may still be writing.
afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));

const code = (id: string, source: string) =>
  ({ cellType: "code", id, source, metadata: {}, outputs: [] }) as const;
const probe: Notebook = {
  cells: [
    code("lines", "for (let i = 0; i < 5000; i++) console.log('line', i);"),
    code(
      "figure",
      "import { display, loadChart } from 'prefixlab';\nawait display(loadChart({ timesMs: [0, 1000], running: [1, 2], waiting: [0, 1] }));",
    ),
    code("failure", "const limit: number = 1;\nthrow new RangeError('deliberate, past ' + limit);"),
  ],
  metadata: {
    kernelspec: { name: "prefixlab", display_name: "TypeScript (prefixlab)", language: "typescript" },
  },
};

describe.skipIf(noJupyter !== "")(`nbclient${noJupyter}`, () => {
  const execute = (file: string, ...flags: string[]) =>
    execFileSync(join(jupyterBin, "jupyter-execute"), ["--inplace", ...flags, file], { env, stdio: "pipe" });

  it("executes a notebook with this project's kernel and gets the committed outputs", () => {
    const { name, notebook } = notebooks[1] as (typeof notebooks)[number];
    const file = join(dir, name);
    writeFileSync(file, formatNotebook(notebook));
    execute(file);
    const executed = parseNotebook(readFileSync(file, "utf8"), name);
    expect(differences(notebook, executed)).toEqual([]);
    expect(executed.cells.map(({ executionCount }) => executionCount)).toEqual(
      notebook.cells.map(({ executionCount }) => executionCount),
    );
  });

  it("gets 5,000 printed lines, a figure as one bundle, and the traceback of a failure", () => {
    const file = join(dir, "probe.ipynb");
    writeFileSync(file, formatNotebook(probe));
    execute(file, "--allow-errors");
    const [lines, figure, failure] = JSON.parse(readFileSync(file, "utf8")).cells;
    expect(
      lines.outputs
        .flatMap((o: { text: string[] }) => o.text)
        .join("")
        .split("\n"),
    ).toHaveLength(5001);
    expect(Object.keys(figure.outputs[0].data).sort()).toEqual([
      "application/vnd.plotly.v1+json",
      "image/png",
      "text/plain",
    ]);
    expect(failure.outputs[0]).toMatchObject({ output_type: "error", ename: "RangeError" });
    expect(failure.outputs[0].traceback.join("\n")).toContain("at line 2 of the cell");
  });
});

describe.skipIf(noBrowser !== "")(`JupyterLab${noBrowser}`, () => {
  let server: ChildProcess;
  let address = "";
  beforeAll(async () => {
    writeFileSync(join(dir, "lab.ipynb"), formatNotebook(probe));
    server = spawn(
      join(jupyterBin, "jupyter-lab"),
      [
        "--no-browser",
        "--ip=127.0.0.1",
        "--port=0",
        "--allow-root",
        "--IdentityProvider.token=test",
        `--notebook-dir=${dir}`,
      ],
      { env, stdio: ["ignore", "ignore", "pipe"] },
    );
    address = await new Promise((resolve, reject) => {
      let text = "";
      server.stderr?.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        const found = /(http:\/\/127\.0\.0\.1:\d+)\/lab/.exec(text);
        if (found) resolve(found[1] as string);
      });
      server.once("exit", () => reject(new Error(`jupyter-lab ended: ${text.slice(-800)}`)));
    });
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    // It stops its kernels on SIGTERM.
    server.kill("SIGTERM");
    await ended;
  });

  it("runs all cells in the browser: the figure is interactive, all lines arrive, the failure shows its traceback", async () => {
    const page = await openChromium(chromium as string);
    try {
      await page.goto(`${address}/lab/tree/lab.ipynb?token=test`);
      const button =
        'document.querySelector(\'[data-jp-item-name="restart-and-run"] jp-button, [data-jp-item-name="restart-and-run"] button\')';
      await page.waitFor(`${button} && document.querySelectorAll('.jp-CodeCell').length === 3`, 60_000);
      // The toolbar's button works once the kernel is there.
      await page.waitFor(
        "document.querySelector('.jp-Toolbar-kernelName')?.textContent.includes('prefixlab')",
        60_000,
      );
      await page.click(button);
      await page.waitFor("document.querySelector('.jp-Dialog .jp-mod-accept')", 30_000);
      await page.click("document.querySelector('.jp-Dialog .jp-mod-accept')");
      const errorText =
        "document.querySelector('.jp-RenderedText[data-mime-type=\"application/vnd.jupyter.stderr\"]')?.textContent ?? ''";
      await page.waitFor(`(${errorText}).includes('deliberate')`, 60_000);
      expect(await page.evaluate<string>(errorText)).toContain("at line 2 of the cell");
      const figure = "document.querySelector('.jp-OutputArea-output .js-plotly-plot')";
      await page.waitFor(`${figure}?.querySelectorAll('.scatterlayer .trace').length === 2`, 20_000);
      const lines = await page.evaluate<number>(
        "[...document.querySelectorAll('.jp-RenderedText pre')].map((e) => e.textContent).join('').match(/^line \\d+$/gm)?.length ?? 0",
      );
      expect(lines).toBe(5000);
      await page.evaluate(`${figure}.scrollIntoView()`);
      await page.screenshot(join(out, "jupyterlab.png"));
    } catch (error) {
      await page.screenshot(join(out, "jupyterlab-failed.png"));
      throw error;
    } finally {
      await page.close();
    }
  }, 240_000);
});
