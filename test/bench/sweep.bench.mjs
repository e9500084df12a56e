// A sweep of 200 cells on one worker thread and on two, and as two processes that share nothing.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeTrace } from "prefixlab";
import { multiturnTrace } from "./multiturn-trace.mjs";
import { cells, timeSweep } from "./sweep-case.mjs";
import { atLeast, median, result } from "./yardstick.mjs";

export async function bench() {
  const folder = mkdtempSync(join(tmpdir(), "prefixlab-bench-"));
  const processes = await Promise.all([startProcess(), startProcess()]);
  try {
    const tracePath = join(folder, "trace.jsonl");
    await writeTrace(tracePath, multiturnTrace({ sessions: 400, ratePerSecond: 4 }));
    let runs = 0;
    const folderOfRun = () => join(folder, `run-${runs++}`);
    const onWorkers = (workers) => timeSweep({ tracePath, workers, outDir: folderOfRun() });
    /** A shard each, into one folder: as two machines would run it, with no memory, compiled code or thread in common. */
    const inProcesses = async () => {
      const outDir = folderOfRun();
      const times = await Promise.all(
        processes.map(async (child, index) => {
          child.send({ tracePath, workers: 1, outDir, shard: { index, count: processes.length } });
          return (await once(child, "message"))[0];
        }),
      );
      return { seconds: Math.max(...times.map(({ seconds }) => seconds)) };
    };
    const one = [];
    const two = [];
    const apart = [];
    for (let round = 0; round < 3; round++) {
      one.push(await onWorkers(1));
      two.push(await onWorkers(2));
      apart.push(await inProcesses());
    }
    const middle = (times, quantity) => median(times.map((time) => time[quantity]));
    const yardstickSeconds = middle(one, "seconds");
    const row = (name, times, more) => {
      const seconds = middle(times, "seconds");
      return result({
        name: `sweep of ${cells.length} cells of 2,000 requests, ${name}`,
        value: yardstickSeconds / seconds,
        unit: "x as fast",
        seconds,
        yardstick: "one worker",
        yardstickSeconds,
        cellsPerSecond: cells.length / seconds,
        ...more,
      });
    };
    const [cpuOfOne, cpuOfTwo] = [middle(one, "cpuSeconds"), middle(two, "cpuSeconds")];
    return [
      row("two workers against one", two, {
        aim: atLeast(1.8),
        note: `one worker: ${yardstickSeconds.toFixed(2)} s, ${cpuOfOne.toFixed(2)} s of CPU; two: ${cpuOfTwo.toFixed(2)} s of CPU, which two cores cannot do at more than ${((2 * yardstickSeconds) / cpuOfTwo).toFixed(2)}x`,
      }),
      row("two processes of a shard each against one worker", apart, { note: "what sharing nothing gives" }),
    ];
  } finally {
    for (const child of processes) child.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startProcess() {
  const child = fork(fileURLToPath(new URL("./sweep-case.mjs", import.meta.url)), ["shards"]);
  await once(child, "message");
  return child;
}
