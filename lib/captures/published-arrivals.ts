import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError, type Ms } from "../base/index.js";
import { dataDir } from "./committed-captures.js";

/**
 * When the sessions of vllm-vcr's published figure arrive, ms: one at 0, then exponential gaps of mean 1 s until 120 s,
 * drawn by Python's generator. Seed 0 is the figure's own; the others, in `data/published/arrivals.json`, say how much of
 * it is one draw.
 * @throws InputError naming the seeds there are, when there is no schedule of this one
 * @example
 * ```ts
 * import { publishedArrivals } from "prefixlab";
 * const arrivalsMs = await publishedArrivals();
 * [arrivalsMs.length, arrivalsMs[1]]; // → [99, 1861]
 * ```
 */
export async function publishedArrivals(seed = 0): Promise<Float64Array> {
  const schedules = await readSchedules();
  const arrivalsS = Object.hasOwn(schedules, seed) ? schedules[seed] : undefined;
  if (!arrivalsS)
    throw new InputError(
      `publishedArrivals: no schedule of seed ${seed}, there is ${Object.keys(schedules).join(", ")}: test/reference/published/arrivals.py writes more`,
    );
  return Float64Array.from(arrivalsS, (s): Ms => 1000 * s);
}

/**
 * The seeds for which there are {@link publishedArrivals}, ascending.
 * @example
 * ```ts
 * import { publishedArrivalSeeds } from "prefixlab/captures";
 * await publishedArrivalSeeds(); // → [0, 1, 2, 3]
 * ```
 */
export async function publishedArrivalSeeds(): Promise<number[]> {
  return Object.keys(await readSchedules()).map(Number);
}

/** Seconds, by seed. */
async function readSchedules(): Promise<Readonly<Record<string, readonly number[]>>> {
  const text = await readFile(join(dataDir(), "published", "arrivals.json"), "utf8");
  return (JSON.parse(text) as { arrivals_s: Readonly<Record<string, readonly number[]>> }).arrivals_s;
}
