// A sweep of 200 cells on one worker thread and on two.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latencyProfile, writeTrace } from "prefixlab";
import { gridCells, parseAxis, runSweep } from "../../dist/sweep/index.js";
import { multiturnTrace } from "./multiturn-trace.mjs";
import { atLeast, median, result } from "./yardstick.mjs";

export async function bench() {
  const folder = mkdtempSync(join(tmpdir(), "prefixlab-bench-"));
  try {
    const tracePath = join(folder, "trace.jsonl");
    await writeTrace(tracePath, multiturnTrace({ sessions: 400, ratePerSecond: 4 }));
    const pools = Array.from({ length: 20 }, (_, k) => 400 + 200 * k).join(",");
    const cells = gridCells([parseAxis(`kv-cache-size=${pools}`), parseAxis("seed=1..10")]);
    const model = latencyProfile("h200-qwen3-8b");
    let runs = 0;
    const secondsOn = async (workers) => {
      const startedMs = performance.now();
      await runSweep({ tracePath, model, cells, workers, outDir: join(folder, `run-${runs++}`) });
      return (performance.now() - startedMs) / 1000;
    };
    const one = [];
    const two = [];
    for (let round = 0; round < 3; round++) {
      one.push(await secondsOn(1));
      two.push(await secondsOn(2));
    }
    const [seconds, yardstickSeconds] = [median(two), median(one)];
    return [
      result({
        name: `sweep of ${cells.length} cells of 2,000 requests, two workers against one`,
        value: yardstickSeconds / seconds,
        unit: "x as fast",
        aim: atLeast(1.8),
        seconds,
        yardstick: "one worker",
        yardstickSeconds,
        cellsPerSecond: cells.length / seconds,
      }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
