// Whole commands as processes, from Enter to the answer: what a person waits for. Each is one row of the table below.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { firstDrawSeconds } from "./first-draw.mjs";
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
  ["inspect, 320 requests", () => ["inspect", warm], 0.4],
  ["sessions, 320 requests", () => ["sessions", warm]],
  ["fit, one capture", () => ["fit", data("fit-warm-1.jsonl.gz")]],
  // A what-if: of a replay that is judged, the exit code says how.
  [
    "replay, 320 requests",
    () => ["replay", warm, "--profile", "h200-qwen3-8b", "--rate-scale", "2", "--json"],
  ],
  ["explain, 320 requests", () => ["explain", warm]],
  ["size, 320 requests", () => ["size", warm]],
  [
    "fleet, 320 requests on 4 replicas, 11 routers",
    () => ["fleet", warm, "--profile", "h200-qwen3-8b", "--replicas", "4", "--json"],
  ],
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
    return [...rows, ...(await exploreRows(root, timed, row)), ...mooncakeRows(root, timed, row)];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The explorer: from Enter to the page, and from opening the page to what it draws first, but for the drawing. */
async function exploreRows(root, timed, row) {
  const page = join(root, "explore.html");
  const written = timed(() => ["explore", warm, "--profile", "h200-qwen3-8b", "--out", page]);
  const seconds = [];
  for (let round = 0; round < 5; round++) seconds.push(await firstDrawSeconds(page));
  const value = median(seconds);
  return [
    row("explore, 320 requests", written),
    result({ name: "explore: the page's first answer, 320 requests", value, unit: "s", seconds: value }),
  ];
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
  const simulation = fileURLToPath(new URL("./simulation-cpu.mjs", import.meta.url));
  const simulated = medianRun(5, () =>
    JSON.parse(spawnSync(process.execPath, [simulation, trace, "2048"], { encoding: "utf8" }).stdout),
  );
  return [
    row("inspect --json, Mooncake", inspected),
    row(`${name} --json`, replayed),
    row("explain, Mooncake", explained),
    result({
      name: `${name}: CPU over 1.5 times the CPU of its simulation, and that of inspect`,
      value: replayed.cpuSeconds / (1.5 * simulated.cpuSeconds + inspected.cpuSeconds),
      unit: "x",
      aim: below(1),
      note: `CPU ${replayed.cpuSeconds.toFixed(2)} s, simulation ${simulated.cpuSeconds.toFixed(2)} s, inspect ${inspected.cpuSeconds.toFixed(2)} s`,
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
