// Installs what is missing and compiles lib/ to dist/, so that every npm script works on a fresh clone.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const quiet = process.env.CI ? "inherit" : ["inherit", 2, 2];

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: quiet });
  if (error || status !== 0) {
    console.error(
      `setup: '${command} ${args.join(" ")}' failed${error ? `: ${error.message}` : ` with exit code ${status}`}`,
    );
    process.exit(1);
  }
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`setup: Node >= 20.19 is needed, this is ${process.versions.node}`);
  process.exit(1);
}

// npm records what it installed in node_modules/.package-lock.json: older than the lock file means stale.
const installed = join(root, "node_modules", ".package-lock.json");
const lock = join(root, "package-lock.json");
const stale = !existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs;
if (stale && !(existsSync(installed) && sameVersions())) {
  console.error("setup: installing packages (npm ci), about a minute on an empty cache");
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
}

/** A lock file touched by a checkout is newer without being different. */
function sameVersions() {
  const have = JSON.parse(readFileSync(installed, "utf8")).packages;
  const want = JSON.parse(readFileSync(lock, "utf8")).packages;
  return Object.entries(want).every(
    ([path, p]) => path === "" || p.optional || p.link || p.devOptional || have[path]?.version === p.version,
  );
}

run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json"]);

// The compiler leaves behind what a deleted source was compiled to: it would be packed, and importable by name.
for (const file of readdirSync(join(root, "dist"), { recursive: true })) {
  if (file.startsWith("bundle")) continue;
  if (file.startsWith(join("explore", "bundle"))) continue;
  const source = file.replace(/(\.d\.ts|\.js(\.map)?)$/, ".ts");
  if (source !== file && !existsSync(join(root, "lib", source))) rmSync(join(root, "dist", file));
}

const { bundleCli } = await import("./bundle-cli.mjs");
await bundleCli(join(root, "dist"));
const { bundleExplorer } = await import("./bundle-explorer.mjs");
await bundleExplorer(root);

// Node finds the package by its own name through `exports`; the TypeScript of the notebooks looks for a folder.
const self = join(root, "node_modules", "prefixlab");
if (!existsSync(self)) symlinkSync(process.platform === "win32" ? root : "..", self, "junction");

// npm links a package's binary where it is installed, not in its own checkout: `npx prefixlab` looks for it here.
const binary = join(root, "node_modules", ".bin", "prefixlab");
if (process.platform !== "win32" && !existsSync(binary)) {
  rmSync(binary, { force: true });
  symlinkSync("../../dist/cli/main.js", binary);
}
chmodSync(join(root, "dist", "cli", "main.js"), 0o755);
