import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Path of a file from the project's root. */
export function fromRoot(...parts: string[]): string {
  return join(root, ...parts);
}

/** Runs the compiled command line, as a user does. */
export function runCli(args: readonly string[], options: { readonly cwd?: string } = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [fromRoot("dist", "cli", "main.js"), ...args],
    {
      encoding: "utf8",
      cwd: options.cwd ?? root,
      maxBuffer: 1 << 28,
    },
  );
  return { status, stdout, stderr };
}
