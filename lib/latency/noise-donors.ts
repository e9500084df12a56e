import { InputError } from "../base/index.js";
import type { StepLoad } from "./latency-model.js";

/**
 * Observed over predicted duration of steps of one kind, in the order in which they were observed. A run is a
 * stretch of consecutive steps of one request: drawing runs rather than single steps keeps a slow spell slow.
 */
export interface NoiseBin {
  /** Class of the step's prefill tokens, see {@link prefillClass}. */
  readonly prefillClass: number;
  /** Class of the step's decoding sequences, see {@link seqsClass}. */
  readonly seqsClass: number;
  readonly ratios: Float64Array;
  /** Index of each run's first ratio, ascending from 0. */
  readonly runStarts: Int32Array;
}

/** One observed step of {@link collectNoise}. */
export interface NoiseSample {
  readonly load: StepLoad;
  readonly ratio: number;
  /** Consecutive samples with the same run form a run. */
  readonly run: number;
}

/** Classes of prefill tokens: 0 for none, then up to 32, 128, 512, 2,048 tokens and above. */
export function prefillClass(prefillTokens: number): number {
  if (prefillTokens <= 0) return 0;
  if (prefillTokens <= 32) return 1;
  if (prefillTokens <= 128) return 2;
  if (prefillTokens <= 512) return 3;
  return prefillTokens <= 2048 ? 4 : 5;
}

/** Number of prefill classes. */
export const prefillClasses = 6;

/** Classes of decoding sequences: 0, 1, 2-3, 4-7, 8-15, ...: one more than the binary logarithm. */
export function seqsClass(decodeSeqs: number): number {
  return decodeSeqs < 1 ? 0 : 32 - Math.clz32(decodeSeqs);
}

/** Number of classes of decoding sequences: the last holds 2,048 and more. */
export const seqsClasses = 13;

/** A bin with fewer ratios than this says too little of its own kind of step. */
const minBinRatios = 40;
/** Enough for a p99.9, and a model file that stays small. */
const maxBinRatios = 4000;

/**
 * Groups observed steps into bins. Bins with fewer than 40 ratios are left out unless they are all there is of
 * prefill steps or of pure decode steps; large bins keep every n-th run. Ratios are rounded to four decimals.
 */
export function collectNoise(samples: Iterable<NoiseSample>): NoiseBin[] {
  const grouped = new Map<number, number[][]>();
  const lastRun = new Map<number, number>();
  for (const { load, ratio, run } of samples) {
    const key = binKey(load);
    const runs = grouped.get(key) ?? [];
    if (runs.length === 0) grouped.set(key, runs);
    if (runs.length === 0 || lastRun.get(key) !== run) runs.push([]);
    lastRun.set(key, run);
    runs[runs.length - 1]!.push(Math.max(0.0001, Math.round(ratio * 1e4) / 1e4));
  }
  const bins = [...grouped].map(([key, runs]) => toBin(key, runs)).sort((a, b) => key(a) - key(b));
  return bins.filter(
    (bin) =>
      bin.ratios.length >= minBinRatios ||
      !bins.some((o) => o.ratios.length >= minBinRatios && o.prefillClass > 0 === bin.prefillClass > 0),
  );
}

function binKey(load: StepLoad): number {
  const seqs = Math.min(seqsClasses - 1, seqsClass(load.decodeSeqs));
  return prefillClass(load.prefillTokens) * seqsClasses + seqs;
}

function key(bin: NoiseBin): number {
  return bin.prefillClass * seqsClasses + bin.seqsClass;
}

function toBin(binKey: number, runs: readonly (readonly number[])[]): NoiseBin {
  const total = runs.reduce((sum, run) => sum + run.length, 0);
  const stride = Math.max(1, total / maxBinRatios);
  const kept: (readonly number[])[] = [];
  for (let i = 0; Math.floor(i) < runs.length; i += stride) kept.push(runs[Math.floor(i)]!);
  const runStarts = new Int32Array(kept.length);
  let size = 0;
  kept.forEach((run, i) => {
    runStarts[i] = size;
    size += run.length;
  });
  return {
    prefillClass: Math.floor(binKey / seqsClasses),
    seqsClass: binKey % seqsClasses,
    ratios: Float64Array.from(kept.flat()),
    runStarts,
  };
}

/**
 * For every kind of step, the index of the bin to draw from: its own, else the nearest. Steps with a prefill draw
 * from steps with a prefill wherever there are any; a neighbour in prefill tokens is as near as one in sequences.
 */
export function nearestBins(bins: readonly NoiseBin[]): Int16Array {
  const table = new Int16Array(prefillClasses * seqsClasses).fill(-1);
  for (let cell = 0; cell < table.length; cell++) {
    const p = Math.floor(cell / seqsClasses);
    const s = cell % seqsClasses;
    let best = Number.POSITIVE_INFINITY;
    bins.forEach((bin, i) => {
      const otherKind = bin.prefillClass > 0 !== p > 0 ? 1000 : 0;
      const distance = otherKind + Math.abs(bin.prefillClass - p) + Math.abs(bin.seqsClass - s);
      if (distance < best) {
        best = distance;
        table[cell] = i;
      }
    });
  }
  return table;
}

/** The bins as JSON. */
export function noiseToJson(bins: readonly NoiseBin[]): unknown {
  return bins.map((bin) => ({
    prefill_class: bin.prefillClass,
    seqs_class: bin.seqsClass,
    run_starts: Array.from(bin.runStarts),
    ratios: Array.from(bin.ratios),
  }));
}

/**
 * The bins from JSON.
 * @throws InputError when it is not what {@link noiseToJson} writes
 */
export function noiseFromJson(json: unknown): NoiseBin[] {
  if (!Array.isArray(json)) throw new InputError("noiseFromJson: noise must be an array of bins");
  return json.map((bin: Record<string, unknown>, i) => {
    const { prefill_class, seqs_class, run_starts, ratios } = bin ?? {};
    const sound =
      Number.isInteger(prefill_class) &&
      Number.isInteger(seqs_class) &&
      isNumberArray(ratios) &&
      ratios.every((ratio) => ratio > 0) &&
      isNumberArray(run_starts) &&
      run_starts[0] === 0 &&
      run_starts.every((start, k) => k === 0 || (start > run_starts[k - 1]! && start < ratios.length));
    if (!sound) throw new InputError(`noiseFromJson: noise bin ${i} is not a bin of positive ratios in runs`);
    return {
      prefillClass: prefill_class as number,
      seqsClass: seqs_class as number,
      ratios: Float64Array.from(ratios),
      runStarts: Int32Array.from(run_starts),
    };
  });
}

function isNumberArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);
}
