import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The package as `npm pack` makes it. */
export interface PackedPackage {
  readonly tarball: string;
  readonly bytes: number;
  readonly unpackedBytes: number;
  readonly files: readonly string[];
}

/** Packs what is compiled, into a folder. */
export function packPackage(folder: string): PackedPackage {
  const { status, stdout, stderr } = npm(root, [
    "pack",
    "--ignore-scripts",
    "--json",
    "--pack-destination",
    folder,
  ]);
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
  const [{ filename, size, unpackedSize, files }] = JSON.parse(stdout) as {
    filename: string;
    size: number;
    unpackedSize: number;
    files: { path: string }[];
  }[];
  return {
    tarball: join(folder, filename),
    bytes: size,
    unpackedBytes: unpackedSize,
    files: files.map(({ path }) => path),
  };
}

/** An empty project after `npm install TARBALL`. */
export interface InstalledPackage {
  /** The project's folder. */
  readonly project: string;
  /** Everything that npm printed. */
  readonly log: string;
  readonly wallMs: number;
  readonly bytes: number;
}

/**
 * Installs a tarball into an empty project: with an empty cache, or, where the registry cannot be reached, with what
 * the user's own cache holds.
 * @returns why not, where neither is possible
 */
export function installPackage(tarball: string, scratch: string): InstalledPackage | string {
  const project = join(scratch, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "name": "someones-project", "private": true }\n');
  const cache = ["--cache", join(scratch, "cache")];
  const probe = npm(project, ["view", "seedrandom", "version", "--fetch-retries=0", ...cache], 20_000);
  const reached = probe.status === 0;
  const started = performance.now();
  const { status, stdout, stderr } = npm(
    project,
    // A lock file without the registry's addresses names only those outside of it.
    [
      "install",
      ...(reached ? cache : ["--offline"]),
      "--omit-lockfile-registry-resolved",
      "--no-audit",
      "--no-fund",
      tarball,
    ],
    150_000,
  );
  if (status === 0)
    return {
      project,
      log: stdout + stderr,
      wallMs: performance.now() - started,
      bytes: folderBytes(join(project, "node_modules")),
    };
  if (reached) throw new Error(`npm install failed: ${stderr}`);
  return "the registry cannot be reached, and npm's cache does not hold what the package needs";
}

/** A folder below the system's temporary one. */
export function scratchFolder(name: string): string {
  const folder = join(mkdtempSync(join(tmpdir(), "prefixlab-package-")), name);
  mkdirSync(folder);
  return folder;
}

/** The entries in `exports` of package.json, the package itself first: "", "/base", ... */
export function exportedEntries(): readonly string[] {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    exports: Record<string, string>;
  };
  return Object.keys(exports)
    .filter((entry) => !entry.endsWith(".json"))
    .map((entry) => entry.slice(1));
}

/** npm without what this process was started with by npm: a script's environment would lead it back to the checkout. */
function npm(cwd: string, args: readonly string[], timeout?: number) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([key]) => !/^npm_(?!config_(registry|cache|userconfig|globalconfig)$)/i.test(key),
    ),
  );
  return spawnSync("npm", args, {
    cwd,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    shell: process.platform === "win32",
    ...(timeout === undefined ? {} : { timeout }),
  });
}

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  return bytes;
}
