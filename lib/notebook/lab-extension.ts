import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { writeWhole } from "../output/index.js";
import { installLabRenderer, type PlotlyScripts } from "./lab-renderer.js";

const extensionName = "prefixlab-figures";
const figureType = "application/vnd.plotly.v1+json";
const scripts: PlotlyScripts = {
  basic: "plotly-basic.min.js",
  basicTypes: ["scatter", "bar", "pie"],
  whole: "plotly.js",
};

/**
 * Writes `labextensions/prefixlab-figures` below a data folder of Jupyter's, where JupyterLab and Notebook 7 find it: figures are
 * interactive without any Python package. Front ends that know plotly themselves have no need of it, and take either.
 * @returns the folder that was written
 */
export async function registerLabExtension(dataDir: string): Promise<string> {
  const require = createRequire(import.meta.url);
  const { version } = require("../../package.json") as { version: string };
  const dir = join(dataDir, "labextensions", extensionName);
  await mkdir(join(dir, "static"), { recursive: true });
  const about = {
    name: extensionName,
    version,
    description: "Interactive figures of plotly's type, for the notebooks of prefixlab.",
    jupyterlab: { _build: { load: "static/extension.js", mimeExtension: "./mimeExtension" } },
  };
  await writeWhole(join(dir, "package.json"), `${JSON.stringify(about, null, 2)}\n`);
  const given = [extensionName, figureType, scripts].map((value) => JSON.stringify(value)).join(", ");
  await writeWhole(join(dir, "static", "extension.js"), `(${installLabRenderer})(${given});\n`);
  await copyFile(
    require.resolve(`plotly.js-basic-dist-min/${scripts.basic}`),
    join(dir, "static", scripts.basic),
  );
  await copyFile(require.resolve(`plotly.js-dist/${scripts.whole}`), join(dir, "static", scripts.whole));
  return dir;
}
