// npm run bench -- --peers: whole commands beside what a person would use instead, on the same trace, pool and policy. Answers
// are compared before times are. AISIMULATE and LMCACHE_PYTHON name the aisimulate command and a Python that has lmcache, each
// in a virtual environment of its own.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { aisimulate, budget, fixed, missingAisimulate } from "../peers/aisimulate-run.mjs";
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
  const prices = join(dir, "prices.json");
  writeFileSync(prices, JSON.stringify(pricesLikeFixed()));
  const args = ["replay", trace, "--latency-model", prices, "--open-loop", "--no-answer-reuse", "--json"];
  const engine = ["--block-size", `${pool.blockSize}`, "--kv-cache-size", `${pool.blocks}`];
  const steps = [
    "--max-num-batched-tokens",
    `${budget.maxNumBatchedTokens}`,
    "--max-num-seqs",
    `${budget.maxNumSeqs}`,
  ];
  const predict = () => {
    let theirs;
    const told = aisimulate(command, {
      format: "mooncake",
      path,
      ...pool,
      spawn: (file, parameters) => {
        theirs = measuredByPython(join(dirname(command), "python"), [file, ...parameters]);
        return theirs;
      },
    });
    return { theirs, told };
  };
  const pairs = Array.from({ length: rounds }, () => ({
    ours: timeCommand([...args, ...engine, ...steps]),
    simulated: simulation(trace),
    ...predict(),
  }));
  const [{ ours, told, simulated }] = pairs;
  if (told.share === undefined) return [skipped(name, told.refusal)];
  const share = JSON.parse(ours.stdout).hit_fraction;
  for (const [what, own, peer] of [
    ["tokens reused", share, told.share],
    ["mean TTFT, ms", simulated.ttftMs, told.ttftMs],
  ])
    if (Math.abs(own / peer - 1) > tolerance)
      return [skipped(name, `answers differ: ${what} ${own}, AISimulate ${peer}: no times are compared`)];
  const ratio = median(pairs.map((pair) => pair.theirs.cpuSeconds / pair.ours.cpuSeconds));
  const wall = median(pairs.map((pair) => pair.theirs.wallSeconds / pair.ours.wallSeconds));
  const { cpuSeconds, peakRssBytes } = pairs[0].theirs;
  const alone = (of) => median(pairs.map((pair) => pair.told.simulationMs / of(pair.simulated)));
  const equal = `mean TTFT of both ${simulated.ttftMs.toFixed(3)} ms; AISimulate's own wall time ${Math.round(told.simulationMs)} ms`;
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
      name: "simulation of Mooncake's conversations beside AISimulate's, the first in a process",
      value: alone(({ wallMs }) => wallMs),
      unit: "x as fast",
      note: `${equal}, ours ${Math.round(simulated.wallMs)} ms, with compiling`,
    }),
    result({
      name: "simulation of Mooncake's conversations beside AISimulate's, compiled",
      value: alone(({ laterWallMs }) => laterWallMs),
      unit: "x as fast",
      aim: atLeast(15),
      note: `${equal}, ours ${Math.round(simulated.laterWallMs)} ms, median of nine in one process`,
    }),
  ];
}

/**
 * A model whose steps take about what AISimulate's timing "fixed" has them take, whole steps of prompts as long: the same load,
 * as a file of prices can tell it.
 */
function pricesLikeFixed() {
  return {
    kind: "physical",
    form: "physical",
    step: {
      step_ms: fixed.decode_ms,
      prefill_token_ms: fixed.prefill_ms / budget.maxNumBatchedTokens,
      prefill_token_depth_ms: 0,
      prefill_seq_ms: 0,
      decode_seq_ms: 0,
      decode_context_token_ms: 0,
    },
    floor_ms: 0,
    overhead: { request_ms: 0, prompt_token_ms: 0 },
    range: { uncached_tokens: [0, 1e6], context_tokens: [0, 1e6], running_seqs: [1, budget.maxNumSeqs] },
    noise: [],
    emission_ms: [],
  };
}

/** The same simulation in a process that has run none, after reading. */
function simulation(trace) {
  const script = fileURLToPath(new URL("./simulation-cpu.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, trace, `${pool.blocks}`, "fixed"], {
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
