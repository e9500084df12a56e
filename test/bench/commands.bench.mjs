// Whole commands as processes, from Enter to the answer: what a person waits for. Each is one row of the table below.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeStages, timeCommand } from "./time-command.mjs";
import { atLeast, below, median, result, skipped } from "./yardstick.mjs";

const data = (name) => fileURLToPath(new URL(`../../data/${name}`, import.meta.url));
const warm = data("warm-1.jsonl.gz");
const mooncake = fileURLToPath(
  new URL("../../../shared/data/mooncake/conversation_trace.jsonl.gz", import.meta.url),
);
const engine = ["--profile", "h200-qwen3-8b", "--block-size", "512", "--kv-cache-size", "2048"];

/** Commands on small input: name, arguments in a folder that is theirs, and the aim in seconds where there is one. */
const commands = [
  ["--help", () => ["--help"], 0.15],
  ["inspect, 500 requests", () => ["inspect", warm], 0.4],
  ["sessions, 500 requests", () => ["sessions", warm]],
  ["fit, one capture", () => ["fit", data("fit-warm-1.jsonl.gz")]],
  // A what-if: of a replay that is judged, the exit code says how.
  [
    "replay, 500 requests",
    () => ["replay", warm, "--profile", "h200-qwen3-8b", "--rate-scale", "2", "--json"],
  ],
  ["explain, 500 requests", () => ["explain", warm]],
  ["size, 500 requests", () => ["size", warm]],
  ["figure", (dir) => ["figure", "--out-dir", dir], 1.5],
  [
    "sweep of 4 cells",
    (dir) => ["sweep", warm, "--profile", "h200-qwen3-8b", "--vary", "seed=1..4", "--out-dir", dir],
  ],
];

export async function bench(rounds = 5) {
  const root = mkdtempSync(join(tmpdir(), "prefixlab-bench-"));
  let folders = 0;
  const timed = (args) => medianRun(rounds, () => timeCommand(args(join(root, `run-${folders++}`))));
  const row = (name, run, aim) =>
    result({
      name: `prefixlab ${name}`,
      value: run.wallSeconds,
      unit: "s",
      ...(aim !== undefined && { aim: below(aim) }),
      seconds: run.cpuSeconds,
      note: describeStages(run),
      stageSeconds: run.stageSeconds,
      peakRssBytes: run.peakRssBytes,
    });
  try {
    const rows = commands.map(([name, args, aim]) => row(name, timed(args), aim));
    return [...rows, ...mooncakeRows(root, timed, row)];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** A production trace: a replay costs little more than reading the trace and simulating it. */
function mooncakeRows(root, timed, row) {
  const name = "replay of Mooncake's conversations";
  if (!existsSync(mooncake)) return [skipped(name, "needs ../shared/data/mooncake")];
  const trace = join(root, "mooncake.jsonl");
  timeCommand(["import", mooncake, "--format", "mooncake", "--out", trace]);
  const inspected = timed(() => ["inspect", trace, "--json"]);
  const replayed = timed(() => ["replay", trace, ...engine, "--json"]);
  const explained = timed(() => ["explain", trace, ...engine]);
  const simulatedSeconds = JSON.parse(replayed.stdout).wall_s;
  return [
    row("inspect --json, Mooncake", inspected),
    row(`${name} --json`, replayed),
    row("explain, Mooncake", explained),
    result({
      name: `${name}: CPU over 1.5 times its simulation and inspect`,
      value: replayed.cpuSeconds / (1.5 * simulatedSeconds + inspected.cpuSeconds),
      unit: "x",
      aim: below(1),
    }),
    result({
      name: `${name}: memory below 400 MB`,
      value: 400e6 / replayed.peakRssBytes,
      unit: "x the room",
      aim: atLeast(1),
    }),
  ];
}

/** Of several runs the one of median CPU. */
function medianRun(rounds, run) {
  const runs = Array.from({ length: rounds }, run);
  const middle = median(runs.map(({ cpuSeconds }) => cpuSeconds));
  return runs.find(({ cpuSeconds }) => cpuSeconds === middle);
}
