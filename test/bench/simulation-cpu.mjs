// node test/bench/simulation-cpu.mjs TRACE BLOCKS: CPU seconds of one replay in a process that has run none, as JSON: plan,
// simulation and the modeled trace, of a trace that has been read, 512-token blocks.
import { latencyProfile, readTrace, replay, workloadOf } from "prefixlab";

const [path, blocks] = process.argv.slice(2);
const workload = workloadOf(await readTrace(path));
const before = process.cpuUsage();
replay(workload, {
  model: latencyProfile("h200-qwen3-8b"),
  engine: { blockSize: 512, kvCacheBlocks: Number(blocks) },
  gaps: false,
});
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${JSON.stringify({ cpuSeconds: (user + system) / 1e6 })}\n`);
