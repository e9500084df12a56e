// The sweep that the bench times, and what it runs on; also a process that runs a shard of it when told to.
import { latencyProfile } from "prefixlab";
import { gridCells, parseAxis, runSweep } from "../../dist/sweep/index.js";

/** 20 pool sizes by 10 seeds. */
export const cells = gridCells([
  parseAxis(`kv-cache-size=${Array.from({ length: 20 }, (_, k) => 400 + 200 * k).join(",")}`),
  parseAxis("seed=1..10"),
]);

const model = latencyProfile("h200-qwen3-8b");

/** Runs it, and returns seconds of wall time and of CPU. */
export async function timeSweep(options) {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await runSweep({ model, cells, ...options });
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - startedMs) / 1000, cpuSeconds: (user + system) / 1e6 };
}

if (process.argv[2] === "shards") {
  process.on("message", async (options) => process.send(await timeSweep(options)));
  process.send("ready");
}
