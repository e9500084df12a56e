import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../base/index.js";
import { type HalfJudged, judgeSecondHalf } from "../calibrate/index.js";
import { loadChart, renderPng } from "../figure/index.js";
import { importTrace } from "../trace/files/index.js";

/** One vLLM run of LLMServingSim's examples, fitted on its first half and judged on its second. */
export interface HalfRun extends HalfJudged {
  readonly name: string;
}

/**
 * Judges the vLLM runs of casys-kaist/LLMServingSim (`bench/examples`, one folder a run, with the workload beside them).
 * With `figureDir`, writes the counts of running and waiting requests, captured beside modeled, one PNG a run.
 * @throws InputError when the folder holds no run
 */
export async function judgeServingSimRuns(dir: string, figureDir?: string): Promise<HalfRun[]> {
  const names = (await readdir(dir)).filter((name) => existsSync(join(dir, name, "requests.jsonl"))).sort();
  const workload = (await readdir(dir)).find((name) => name.endsWith(".jsonl.gz"));
  if (names.length === 0 || workload === undefined)
    throw new InputError(
      `${dir} holds no folder with requests.jsonl, or no workload (*.jsonl.gz) beside them`,
    );
  const runs: HalfRun[] = [];
  for (const name of names) {
    const trace = await importTrace("llmservingsim", join(dir, name, "requests.jsonl"), {
      companionPath: join(dir, workload),
    });
    const judged = judgeSecondHalf(trace, { fitted: Math.floor(trace.records.length / 2) });
    runs.push({ name, ...judged });
    const loads = judged.replay.run.loads();
    if (figureDir === undefined || loads === undefined) continue;
    const figure = loadChart({
      title: `Requests in the engine, ${name}`,
      timesMs: loads.endMs,
      running: loads.running,
      waiting: loads.waiting,
      captured: await recordedCounts(join(dir, name, "timeseries.csv")),
    });
    await writeFile(join(figureDir, `load-${name}.png`), await renderPng(figure));
  }
  return runs;
}

/** `t,...,running,waiting,...`: seconds since the start, and the engine's own counts. */
async function recordedCounts(path: string) {
  const [header = "", ...lines] = (await readFile(path, "utf8")).trim().split("\n");
  const columns = header.split(",");
  const column = (name: string): number[] => {
    const index = columns.indexOf(name);
    if (index < 0) throw new InputError(`${path}: no column ${name} in ${header}`);
    return lines.map((line) => Number(line.split(",")[index]));
  };
  return {
    timesMs: column("t").map((s) => 1000 * s),
    running: column("running"),
    waiting: column("waiting"),
  };
}
