// The whole check: types, lint, room rules, tests. Ends with one line `N passed, N failed`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = (pkg, file) => join(root, "node_modules", pkg, file);
const scratch = mkdtempSync(join(tmpdir(), "prefixlab-check-"));
const report = join(scratch, "vitest.json");
let passed = 0;
let failed = 0;

function gate(title, file, args) {
  const started = Date.now();
  const { status } = spawnSync(process.execPath, [file, ...args], { cwd: root, stdio: "inherit" });
  console.log(`${status === 0 ? "ok  " : "FAIL"} ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (status === 0) passed++;
  else failed++;
  return status;
}

gate("types of the tests", bin("typescript", "bin/tsc"), ["-p", "test/tsconfig.json"]);
gate("lint and format", bin("@biomejs/biome", "bin/biome"), ["check", "--error-on-warnings"]);
gate("room rules", bin("dependency-cruiser", "bin/dependency-cruise.mjs"), [
  "lib",
  "--config",
  ".dependency-cruiser.cjs",
]);

const tests = spawnSync(
  process.execPath,
  [
    bin("vitest", "vitest.mjs"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ],
  { cwd: root, stdio: "inherit" },
);
let skipped = 0;
try {
  const result = JSON.parse(readFileSync(report, "utf8"));
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  skipped = result.numPendingTests + result.numTodoTests;
  // A file that fails to load reports no failed test of its own.
  failed += result.testResults.filter((f) => f.status === "failed" && f.assertionResults.length === 0).length;
  if (tests.status !== 0 && failed === 0) failed++;
} catch {
  failed++;
}
rmSync(scratch, { recursive: true });
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
process.exit(failed === 0 ? 0 : 1);
