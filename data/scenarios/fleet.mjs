// Two engines of ../engine, one a core, and a client that routes between them: what each router finds and how long its
// requests wait, the same plan for all. The engines are started once; their caches are emptied before each capture.
//
//   MODEL_DIR=... VLLM_VENV=... node data/scenarios/fleet.mjs engines [vllm serve flags]     stays in the foreground
//   node data/scenarios/fleet.mjs plan OUT SEED         sessions on the first engine: arrivals, sizes and sharing of the plan
//   node data/scenarios/fleet.mjs sweep OUT SEED [0|1]  the fitting load on one of the engines; on both at once, as they slow each other
//   node data/scenarios/fleet.mjs round PLAN OUT_DIR N  the plan under each router once: OUT_DIR/ROUTER-N.jsonl.gz
//
// Build first: npm run build. The captures in ../fleet were made with the engine flags `--enforce-eager
// --num-gpu-blocks-override 224 --max-model-len 4096`; the plans on one engine of 8,192 blocks (`PORT=8161
// VLLM_SERVER_DEV_MODE=1 sh data/engine/serve-vllm.sh on`). Each engine has one core for its
// HTTP server, scheduler and model; the client has none of its own, and goes before them where it may.
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const main = join(here, "..", "..", "dist", "cli", "main.js");
const firstPort = Number(process.env.PORT ?? 8161);
const urls = [0, 1].map((engine) => `http://127.0.0.1:${firstPort + engine}`);
const routers = ["round-robin", "sticky", "prefix-affinity"];
const settings = ["--meta", "max_num_seqs=64", "--meta", "max_num_batched_tokens=512"];

const [mode, ...args] = process.argv.slice(2);
if (mode === "engines") engines(args);
else if (mode === "plan" && args.length === 2) plan(...args);
else if (mode === "sweep" && args.length >= 2) sweep(...args);
else if (mode === "round" && args.length >= 3) round(...args);
else {
  console.error("usage: fleet.mjs engines [FLAGS] | plan OUT SEED | sweep OUT SEED [0|1] | round PLAN OUT_DIR N [ROUTER]");
  process.exit(2);
}

function engines(flags) {
  const started = urls.map((_, core) =>
    spawn("sh", [join(here, "..", "engine", "serve-vllm.sh"), "on", ...flags], {
      // VLLM_SERVER_DEV_MODE has /reset_prefix_cache.
      env: {
        ...process.env,
        PORT: String(firstPort + core),
        ENGINE_CORE: String(core),
        SERVER_CORE: String(core),
        VLLM_SERVER_DEV_MODE: "1",
      },
      stdio: ["ignore", "inherit", "inherit"],
      detached: true,
    }),
  );
  for (const { pid } of started) goFirst(pid);
  const stop = () => {
    for (const { pid } of started) process.kill(-pid, "SIGTERM");
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
}

function plan(out, seed) {
  emptyCaches(urls.slice(0, 1));
  loadgen(urls[0], out, seed, [
    ...["--pattern", "multiturn", "--rate", "0.5", "--duration", "300", "--sessions", "30", "--turns", "5"],
    ...["--prefix-count", "8", "--prefix-tokens", "640", "--prompt-tokens", "128", "--output-tokens", "8"],
    ...["--think-time", "1.5"],
  ]);
}

function sweep(out, seed, server = "0") {
  goFirst("self");
  emptyCaches([urls[server]]);
  loadgen(urls[server], out, seed, [
    ...["--pattern", "sweep", "--prompt-tokens", "1536", "--output-tokens", "24", "--concurrency", "4"],
    ...["--repeats", "2", "--sole-client"],
  ]);
}

function round(planFile, outDir, repeat, only) {
  goFirst("self");
  mkdirSync(outDir, { recursive: true });
  for (let k = 0; k < routers.length; k++) {
    const router = routers[(k + Number(repeat)) % routers.length];
    if (only !== undefined && router !== only) continue;
    emptyCaches(urls);
    const before = cpuTimes();
    client([
      ...["replay", planFile, ...urls.flatMap((url) => ["--url", url]), "--router", router, "--model-name", "small"],
      ...["--rate-scale", "1.5", "--seed", "7", "--dump-trace", join(outDir, `${router}-${repeat}.jsonl.gz`)],
    ]);
    const line = { router, repeat: Number(repeat), ...cpuShares(before, cpuTimes()) };
    appendFileSync(join(outDir, "cores.jsonl"), `${JSON.stringify(line)}\n`);
    console.error(JSON.stringify(line));
  }
}

/** Blocks are 32 tokens in the engine, in the plan and in the captures: a router then sees the same blocks in each. */
function loadgen(url, out, seed, flags) {
  client([
    ...["loadgen", "--url", url, "--model", "small", "--seed", seed, "--trace-out", out, "--block-size", "32"],
    ...["--warmup", "3", ...settings, ...flags],
  ]);
}

/**
 * Where Linux schedules by session (autogroup), niceness counts within one only: a session of its own is put before others. Needs
 * root, as a niceness below zero does.
 */
function goFirst(pid) {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, "-20");
  } catch {
    console.error("fleet.mjs: not before other processes: no right to, or no autogroups");
  }
}

function client(flags) {
  const command = ["-n", "-15", process.execPath, "--initial-old-space-size=512", main, ...flags];
  const { status } = spawnSync("nice", command, { stdio: ["ignore", "inherit", "inherit"] });
  // 1: a gate did not hold, which is nothing to a capture.
  if (status > 1) process.exit(status);
}

function emptyCaches(ofServers) {
  for (const url of ofServers) {
    const { status, stdout } = spawnSync("curl", ["-sf", "-X", "POST", `${url}/reset_prefix_cache`], { encoding: "utf8" });
    if (status !== 0 || stdout.includes("false")) throw new Error(`${url}: the prefix cache was not emptied ${stdout}`);
  }
}

/** CPU time in jiffies: of each engine with its server, and of each core, busy and in all. */
function cpuTimes() {
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // Behind the command's name, which may hold spaces: the third field is the group, the 12th and 13th are its time.
        const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return [{ group: fields[2], time: Number(fields[11]) + Number(fields[12]), command }];
      } catch {
        return [];
      }
    });
  const engines = urls.map((url) => {
    const port = `\0--port\0${new URL(url).port}\0`;
    const group = processes.find(({ command }) => command.includes(port))?.group;
    return processes.reduce((sum, each) => sum + (each.group === group ? each.time : 0), 0);
  });
  const cores = readFileSync("/proc/stat", "utf8")
    .split("\n")
    .filter((line) => /^cpu\d/.test(line))
    .slice(0, urls.length)
    .map((line) => {
      const times = line.split(/\s+/).slice(1, 9).map(Number);
      const all = times.reduce((sum, time) => sum + time, 0);
      // The fourth and fifth are idle, and waiting for a disk.
      return { all, busy: all - times[3] - times[4] };
    });
  return { engines, cores };
}

/** Shares of one core's time: of each engine, and of all that ran on each core. */
function cpuShares(before, now) {
  const share = (part, whole) => Math.round((1000 * part) / whole) / 1000;
  const spent = now.cores.map(({ all }, core) => all - before.cores[core].all);
  return {
    enginesBusy: now.engines.map((time, k) => share(time - before.engines[k], spent[k])),
    coresBusy: now.cores.map(({ busy }, core) => share(busy - before.cores[core].busy, spent[core])),
  };
}
