import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../base/index.js";
import { type HalfJudged, judgeSecondHalf } from "../calibrate/index.js";
import { loadChart, renderPng } from "../figure/index.js";
import { writeWhole } from "../output/index.js";
import { importTrace } from "../trace/files/index.js";
import { printErr } from "./terminal.js";

/** One vLLM run of LLMServingSim's examples, fitted on its first half and judged on its second. */
export interface HalfRun extends HalfJudged {
  readonly name: string;
  readonly model?: string;
  readonly gpu?: string;
}

/** A run that cannot be judged. */
export interface RefusedRun {
  readonly name: string;
  readonly why: string;
}

/**
 * Judges the vLLM runs of casys-kaist/LLMServingSim (`bench/examples`, one folder a run, with their workloads, plain or
 * gzip, beside or in them). With `figureDir`, writes the counts of running and waiting requests, captured beside modeled,
 * one PNG a run. A run that is refused does not keep the others from being judged.
 * @throws InputError when the folder holds no run
 */
export async function judgeServingSimRuns(
  dir: string,
  figureDir?: string,
): Promise<{ readonly runs: readonly HalfRun[]; readonly refused: readonly RefusedRun[] }> {
  const names = (await readdir(dir)).filter((name) => existsSync(join(dir, name, "requests.jsonl"))).sort();
  if (names.length === 0) throw new InputError(`${dir} holds no folder with requests.jsonl`);
  const runs: HalfRun[] = [];
  const refused: RefusedRun[] = [];
  for (const name of names) {
    const judged = await judgeRun(join(dir, name, "requests.jsonl"));
    if (typeof judged === "string") {
      printErr(`${name}: ${judged}\n`);
      refused.push({ name, why: judged });
      continue;
    }
    runs.push({ name, ...judged });
    const loads = judged.replay.run.loads();
    const counts = join(dir, name, "timeseries.csv");
    if (figureDir === undefined || loads === undefined || !existsSync(counts)) continue;
    const figure = loadChart({
      title: `Requests in the engine, ${name}`,
      timesMs: loads.endMs,
      running: loads.running,
      waiting: loads.waiting,
      captured: await recordedCounts(counts),
    });
    await writeWhole(join(figureDir, `load-${name}.png`), await renderPng(figure));
  }
  return { runs, refused };
}

/** The run judged, or why it cannot be. */
async function judgeRun(path: string): Promise<Omit<HalfRun, "name"> | string> {
  try {
    const trace = await importTrace("llmservingsim", path);
    const { model, gpu } = trace.meta;
    return {
      ...judgeSecondHalf(trace, { fitted: Math.floor(trace.records.length / 2) }),
      ...(model !== undefined && { model }),
      ...(gpu !== undefined && { gpu }),
    };
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
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
