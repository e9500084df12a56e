// npm run bench: every case, each file in a process of its own, as a table and as JSON.
import { fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.mjs";
import { formatResults } from "./table.mjs";

/** Case files by name, in the order they run. */
const files = [
  "commands",
  "replay",
  "mooncake",
  "explain",
  "engine",
  "fleet",
  "read",
  "fingerprint",
  "session-inference",
  "size",
  "sweep",
  "survival",
  "scale",
  "tap",
  "loadgen",
  "notebook",
];

const usage = `npm run bench -- [--only NAME[,NAME]] [--peers] [--json FILE]

Names: ${files.join(", ")}
--peers: also beside AISimulate's command and LMCache's simulator, where AISIMULATE and LMCACHE_PYTHON name them

Every case is a ratio to a yardstick measured in the same run, so that two runs can be compared:
  node test/bench/compare.mjs A.json B.json

Example:
  npm run bench -- --only engine,read --json out/bench.json
`;

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      json: { type: "string" },
      peers: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const wanted = values.only?.split(",") ?? files;
  const unknown = wanted.filter((name) => !files.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`bench: no case file ${unknown.join(", ")}\n${usage}`);
    return 2;
  }
  const machine = describeMachine();
  const results = [];
  const chosen = files.filter((file) => wanted.includes(file));
  for (const name of values.peers ? [...chosen, "peers"] : chosen) {
    process.stderr.write(`bench: ${name}\n`);
    results.push(...(await runFile(`./${name}.bench.mjs`)).map((result) => ({ file: name, ...result })));
  }
  const { processor, cores, memoryBytes, node, loadAverage } = machine;
  process.stdout.write(
    `${processor}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, Node ${node}, load ${loadAverage.toFixed(1)}\n\n`,
  );
  process.stdout.write(formatResults(results));
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 1)}\n`);
  return results.some((result) => result.failed) ? 1 : 0;
}

function runFile(path) {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL("./run-file.mjs", import.meta.url)), [path], {
      execArgv: ["--max-old-space-size=4096", "--expose-gc"],
    });
    let results;
    child.once("message", (message) => {
      results = message;
    });
    child.once("exit", (code) =>
      resolve(results ?? [{ case: path, skipped: `failed with exit code ${code}`, failed: true }]),
    );
  });
}

process.exitCode = await main();
