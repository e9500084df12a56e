// npm run bench -- --peers: whole commands beside what a person would use instead, on the same trace, pool and policy. Answers
// are compared before times are. AISIMULATE and LMCACHE_PYTHON name the aisimulate command and a Python that has lmcache, each
// in a virtual environment of its own.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { aisimulate, missingAisimulate } from "../peers/aisimulate-run.mjs";
import { timeCommand } from "./time-command.mjs";
import { atLeast, median, result, skipped } from "./yardstick.mjs";

const path = fileURLToPath(
  new URL("../../../shared/data/mooncake/conversation_trace.jsonl.gz", import.meta.url),
);
/** Holds everything: what is found then depends on the trace alone, and not on the prices of steps. */
const pool = { blockSize: 512, blocks: 200_000 };
const tolerance = 0.001;

export function bench() {
  if (!existsSync(path)) return [skipped("peers", "need ../shared/data/mooncake")];
  const dir = mkdtempSync(join(tmpdir(), "prefixlab-peers-"));
  try {
    const trace = join(dir, "mooncake.jsonl");
    timeCommand(["import", path, "--format", "mooncake", "--out", trace]);
    return [...besideAisimulate(dir, trace), ...besideLmcache(trace)];
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function besideAisimulate(dir, trace, rounds = 3) {
  const name = "replay of Mooncake's conversations beside AISimulate's predict";
  const command = process.env.AISIMULATE;
  const missing = missingAisimulate(command);
  if (missing !== undefined) return [skipped(name, missing)];
  const args = ["replay", trace, "--profile", "h200-qwen3-8b", "--open-loop", "--no-answer-reuse"];
  const engine = ["--block-size", `${pool.blockSize}`, "--kv-cache-size", `${pool.blocks}`, "--json"];
  const predict = (requests) => {
    let theirs;
    const told = aisimulate(command, {
      format: "mooncake",
      path: requests,
      ...pool,
      spawn: (file, parameters) => {
        theirs = measuredByPython(join(dirname(command), "python"), [file, ...parameters]);
        return theirs;
      },
    });
    return { theirs, told };
  };
  const first = join(dir, "first.jsonl.gz");
  writeFileSync(first, gzipSync(`${gunzipSync(readFileSync(path)).toString().split("\n", 1)[0]}\n`));
  const pairs = Array.from({ length: rounds }, () => ({
    ours: timeCommand([...args, ...engine]),
    simulated: simulationCpu(trace),
    started: predict(first).theirs,
    ...predict(path),
  }));
  const [{ ours, told }] = pairs;
  if (told.share === undefined) return [skipped(name, told.refusal)];
  const share = JSON.parse(ours.stdout).hit_fraction;
  const difference = share / told.share - 1;
  if (Math.abs(difference) > tolerance)
    return [
      skipped(
        name,
        `answers differ: tokens reused ${share}, AISimulate ${told.share}: no times are compared`,
      ),
    ];
  const ratio = median(pairs.map((pair) => pair.theirs.cpuSeconds / pair.ours.cpuSeconds));
  const wall = median(pairs.map((pair) => pair.theirs.wallSeconds / pair.ours.wallSeconds));
  const { cpuSeconds, peakRssBytes } = pairs[0].theirs;
  const alone = ({ theirs, started }) => theirs.cpuSeconds - started.cpuSeconds;
  const [{ simulated }] = pairs;
  return [
    result({
      name: `${name}, CPU`,
      value: ratio,
      unit: "x as fast",
      aim: atLeast(4),
      peakRssBytes: ours.peakRssBytes,
      note: `reused ${share.toFixed(6)} and ${told.share.toFixed(6)}; CPU ${ours.cpuSeconds.toFixed(2)} and ${cpuSeconds.toFixed(2)} s; wall ${wall.toFixed(1)}x; AISimulate ${Math.round(peakRssBytes / 1e6)} MB`,
    }),
    result({
      name: "simulation of Mooncake's conversations alone beside AISimulate's, CPU",
      value: median(pairs.map((pair) => alone(pair) / pair.simulated.cpuSeconds)),
      unit: "x as fast",
      aim: atLeast(15),
      note: `plan, simulation and results ${simulated.cpuSeconds.toFixed(2)} s; AISimulate's command ${cpuSeconds.toFixed(2)} s, less ${pairs[0].started.cpuSeconds.toFixed(2)} s of the same on the first request alone`,
    }),
  ];
}

/** CPU of the same simulation in a process that has run none, after reading. */
function simulationCpu(trace) {
  const script = fileURLToPath(new URL("./simulation-cpu.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, trace, `${pool.blocks}`], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`simulation-cpu.mjs ended with ${status}: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

function besideLmcache(trace) {
  const name = "hits of Mooncake's prompts at every size beside LMCache's simulator at 20";
  const python = process.env.LMCACHE_PYTHON;
  if (python === undefined) return [skipped(name, "give LMCACHE_PYTHON, a Python that has lmcache")];
  const script = fileURLToPath(new URL("../peers/lmcache.mjs", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [script, python, trace], { encoding: "utf8" });
  const last = stdout.trim().split("\n").at(-1);
  const times = /([\d.]+) times as long$/.exec(last)?.[1];
  if (times === undefined) return [skipped(name, last)];
  if (status !== 0) return [skipped(name, "answers differ: no times are compared")];
  return [result({ name, value: Number(times), unit: "x as fast", note: last })];
}

/** Runs a command below a Python that tells what it took. */
function measuredByPython(python, command) {
  const script = `
import json, resource, subprocess, sys, time
began = time.time()
run = subprocess.run(sys.argv[1:], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"status": run.returncode, "stderr": run.stderr, "wallSeconds": time.time() - began,
  "cpuSeconds": used.ru_utime + used.ru_stime, "peakRssBytes": used.ru_maxrss * 1024}))
`;
  const { status, stdout, stderr } = spawnSync(python, ["-c", script, ...command], { encoding: "utf8" });
  return status === 0 ? JSON.parse(stdout) : { status, stderr };
}
