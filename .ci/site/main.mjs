// Builds the site, a folder of static pages: the documents, the notebooks with their outputs, the explorer on committed captures,
// and the reference of the library. `node .ci/site/main.mjs [--out DIR] [--no-api] [--captures A,B]`, behind .ci/setup.mjs.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { collectPages } from "./collect-pages.mjs";
import { layOut } from "./layout.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(root, "out", "site") },
    api: { type: "boolean", default: true },
    captures: {
      type: "string",
      default: "warm-1,cold-1,poisson-1,burst-1,staircase-1,vllm-small-pool/small-pool-1",
    },
  },
  allowNegative: true,
});

const out = values.out;
rmSync(out, { recursive: true, force: true });
const write = (path, content) => {
  mkdirSync(dirname(join(out, path)), { recursive: true });
  writeFileSync(join(out, path), content);
};

const { pages, copies } = collectPages(root, [
  "README.md",
  "notebooks/README.md",
  "data/ACCURACY.md",
  "data/README.md",
  "data/FLEET.md",
  "data/SERVERS.md",
  "data/sessions/README.md",
  "data/scenarios/README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
]);
for (const page of pages) write(page.path, layOut(page, pages, { hasApi: values.api }));
for (const path of copies) cpSync(join(root, path), join(out, path));
for (const name of ["site.css", "site.js"])
  write(`assets/${name}`, readFileSync(new URL(`assets/${name}`, import.meta.url)));
const require = createRequire(import.meta.url);
write("assets/plotly.js", readFileSync(require.resolve("plotly.js-basic-dist-min")));

const traces = values.captures.split(",").map((name) => `data/${name}.jsonl.gz`);
run(
  "dist/cli/main.js",
  "explore",
  ...traces,
  "--latency-trace",
  "data/fit-sweep-1.jsonl.gz",
  "--out",
  explorer(),
);
if (values.api) run("node_modules/typedoc/bin/typedoc", "--out", join(out, "api"), "--logLevel", "Warn");
console.log(
  `wrote ${join(out, "index.html")}: ${pages.length} pages${values.api ? " and the reference" : ""}`,
);

function explorer() {
  mkdirSync(join(out, "explore"), { recursive: true });
  return join(out, "explore", "index.html");
}

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status === 0) return;
  console.error(`site: '${[script, ...args].join(" ")}' failed with exit code ${status}`);
  process.exit(1);
}
