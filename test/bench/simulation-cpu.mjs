// node test/bench/simulation-cpu.mjs TRACE BLOCKS [fixed]: the replay of a trace that has been read, in a process that has run none, as
// JSON: CPU seconds and wall ms of plan, simulation and modeled trace, mean TTFT, and the wall ms of the simulation alone, the
// first and the median of nine after it. 512-token blocks; "fixed": the prices of AISimulate's timing of that name.
import { latencyProfile, readTrace, replay, workloadOf } from "prefixlab";
import { budget, fixedModel } from "../peers/aisimulate-run.mjs";
import { median } from "./yardstick.mjs";

const [path, blocks, prices] = process.argv.slice(2);
const workload = workloadOf(await readTrace(path));
const engine = { blockSize: 512, kvCacheBlocks: Number(blocks) };
const run = () =>
  prices === "fixed"
    ? replay(workload, {
        model: fixedModel,
        engine: { ...engine, ...budget },
        pacing: "open-loop",
        answerReuse: false,
        gaps: false,
      })
    : replay(workload, { model: latencyProfile("h200-qwen3-8b"), engine, gaps: false });
const before = process.cpuUsage();
const { trace, wallMs } = run();
const { user, system } = process.cpuUsage(before);
const waits = trace.records.flatMap(({ ttftMs }) => ttftMs ?? []);
const document = {
  cpuSeconds: (user + system) / 1e6,
  wallMs,
  laterWallMs: prices === "fixed" ? median(Array.from({ length: 9 }, () => run().wallMs)) : undefined,
  ttftMs: waits.reduce((sum, ttftMs) => sum + ttftMs, 0) / waits.length,
};
process.stdout.write(`${JSON.stringify(document)}\n`);
