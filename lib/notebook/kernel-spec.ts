import { mkdir } from "node:fs/promises";
import { homedir, platform } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeWhole } from "../output/index.js";
import { requirePackages } from "./require-packages.js";

/** The kernel's name in Jupyter and in the metadata of the notebooks. */
export const kernelName = "prefixlab";

/** What Jupyter reads from `kernel.json`. */
export function kernelSpec(): object {
  return {
    argv: [
      process.execPath,
      fileURLToPath(new URL("./kernel-main.js", import.meta.url)),
      "{connection_file}",
    ],
    display_name: "TypeScript (prefixlab)",
    language: "typescript",
    interrupt_mode: "message",
  };
}

/** The folder in which Jupyter looks for a user's kernels: `jupyter --data-dir`, without asking Jupyter. */
export function jupyterDataDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  if (platform() === "darwin") return join(homedir(), "Library", "Jupyter");
  if (platform() === "win32") return join(env.APPDATA ?? homedir(), "jupyter");
  return join(env.XDG_DATA_HOME ?? join(homedir(), ".local", "share"), "jupyter");
}

/**
 * Writes `kernels/prefixlab/kernel.json` below a data folder of Jupyter's. It points at this installation by
 * absolute path, so nothing needs to be installed globally.
 * @returns the folder that was written
 * @throws InputError when tslab or zeromq, which the kernel runs on, is not installed
 */
export async function registerKernel(dataDir: string): Promise<string> {
  requirePackages("registerKernel", ["tslab", "zeromq"]);
  const dir = join(dataDir, "kernels", kernelName);
  await mkdir(dir, { recursive: true });
  await writeWhole(join(dir, "kernel.json"), `${JSON.stringify(kernelSpec(), null, 2)}\n`);
  return dir;
}
