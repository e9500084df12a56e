import { InputError } from "../base/index.js";

/**
 * Observed values of one kind of step, in the order in which they were observed. A run is a stretch of consecutive
 * steps of one request: drawing runs rather than single values keeps a slow spell slow.
 */
export interface DonorBin {
  /** The kind of step: a class on each of two axes, see `step-classes.ts`. */
  readonly row: number;
  readonly column: number;
  readonly values: Float64Array;
  /** Index of each run's first value, ascending from 0. */
  readonly runStarts: Int32Array;
}

/** One observed value. Consecutive samples of a bin with the same run form a run. */
export interface DonorSample {
  readonly row: number;
  readonly column: number;
  readonly value: number;
  readonly run: number;
  /** A fit has trimmed it. */
  readonly isStray?: boolean;
}

/** A class on each of two axes. */
export type StepKind = Pick<DonorBin, "row" | "column">;

/** The axes of a set of bins. */
export interface DonorAxes {
  readonly rows: number;
  readonly columns: number;
  /** Whether kinds of few values may be one bin: true for ratios, which are alike; false for times. */
  readonly poolsFew: boolean;
  /** How unlike two kinds of step are: a step without a bin of its own draws from the nearest. */
  distance(row: number, column: number, bin: StepKind): number;
}

/** A bin with fewer values than this says too little of its own kind of step. */
const minBinValues = 40;
/** Enough for a p99.9, and a model file that stays small. */
const maxBinValues = 4000;
/** Bins nearer than this can stand in for one another. */
const standInDistance = 100;

/**
 * Groups observed values into bins. A bin with fewer than 40 values is left out if a larger one can stand in for it;
 * where none can, the small ones keep no strays and may be one bin, so that no lone stray speaks for a kind of step.
 * Large bins keep runs at even spacing. Values are rounded to four decimals and kept above zero.
 * @example
 * ```ts
 * import { collectDonors, decodeAxes } from "prefixlab/latency";
 * const gaps = Array.from({ length: 40 }, (_, at) => ({ row: 10, column: 4, value: 5 + at / 100, run: 0 }));
 * const [bin] = collectDonors(gaps, decodeAxes);
 * [bin.row, bin.column, bin.values.length]; // → [10, 4, 40]
 * ```
 */
export function collectDonors(samples: readonly DonorSample[], axes: DonorAxes): DonorBin[] {
  const keyOf = ({ row, column }: StepKind) => row * axes.columns + column;
  const counts = new Map<number, number>();
  for (const sample of samples) counts.set(keyOf(sample), (counts.get(keyOf(sample)) ?? 0) + 1);
  const grouped = new Map<number, number[][]>();
  const lastRun = new Map<number, number>();
  for (const sample of samples) {
    const { value, run } = sample;
    const key = keyOf(sample);
    if (sample.isStray && counts.get(key)! < minBinValues) continue;
    const runs = grouped.get(key) ?? [];
    if (runs.length === 0) grouped.set(key, runs);
    if (runs.length === 0 || lastRun.get(key) !== run) runs.push([]);
    lastRun.set(key, run);
    runs[runs.length - 1].push(Math.max(1e-4, Math.round(value * 1e4) / 1e4));
  }
  const bins = [...grouped]
    .sort(([a], [b]) => a - b)
    .map(([key, runs]) => ({ row: Math.floor(key / axes.columns), column: key % axes.columns, runs }));
  const large = bins.filter((bin) => size(bin.runs) >= minBinValues).map(toBin);
  const canStandIn = (bin: StepKind, { row, column }: StepKind) =>
    axes.distance(row, column, bin) < standInDistance;
  const pools: ObservedBin[] = [];
  for (const bin of bins) {
    if (size(bin.runs) >= minBinValues || large.some((other) => canStandIn(other, bin))) continue;
    const pool = axes.poolsFew ? pools.findIndex((other) => canStandIn(other, bin)) : -1;
    if (pool < 0) pools.push(bin);
    else pools[pool] = pooled(pools[pool], bin);
  }
  return [...large, ...pools.map(toBin)].sort((a, b) => a.row - b.row || a.column - b.column);
}

interface ObservedBin {
  readonly row: number;
  readonly column: number;
  readonly runs: readonly (readonly number[])[];
}

function size(runs: readonly (readonly number[])[]): number {
  return runs.reduce((sum, run) => sum + run.length, 0);
}

/** Both as one, in the place of the larger. */
function pooled(a: ObservedBin, b: ObservedBin): ObservedBin {
  const { row, column } = size(b.runs) > size(a.runs) ? b : a;
  return { row, column, runs: [...a.runs, ...b.runs] };
}

function toBin({ row, column, runs }: ObservedBin): DonorBin {
  const stride = Math.max(1, size(runs) / maxBinValues);
  const kept: (readonly number[])[] = [];
  for (let i = 0; Math.floor(i) < runs.length; i += stride) kept.push(runs[Math.floor(i)]);
  const runStarts = new Int32Array(kept.length);
  let start = 0;
  kept.forEach((run, i) => {
    runStarts[i] = start;
    start += run.length;
  });
  return { row, column, values: Float64Array.from(kept.flat()), runStarts };
}

/** For every kind of step, `row * columns + column`, the index of the nearest bin; -1 when there are no bins. */
export function nearestBins(bins: readonly DonorBin[], axes: DonorAxes): Int16Array {
  const table = new Int16Array(axes.rows * axes.columns).fill(-1);
  for (let cell = 0; cell < table.length; cell++) {
    let best = Number.POSITIVE_INFINITY;
    bins.forEach((bin, i) => {
      const distance = axes.distance(Math.floor(cell / axes.columns), cell % axes.columns, bin);
      if (distance >= best) return;
      best = distance;
      table[cell] = i;
    });
  }
  return table;
}

/** The bins as JSON. */
export function donorsToJson(bins: readonly DonorBin[]): unknown {
  return bins.map(({ row, column, values, runStarts }) => ({
    row,
    column,
    run_starts: Array.from(runStarts),
    values: Array.from(values),
  }));
}

/**
 * The bins from JSON.
 * @throws InputError when it is not what {@link donorsToJson} writes
 */
export function donorsFromJson(json: unknown, axes: DonorAxes): DonorBin[] {
  if (!Array.isArray(json)) throw new InputError("latencyModelFromJson: donors must be an array of bins");
  return json.map((bin: Readonly<Record<string, unknown>> | null, i) => {
    const { row, column, run_starts: starts, values } = bin ?? {};
    const sound =
      isClass(row, axes.rows) &&
      isClass(column, axes.columns) &&
      isNumberArray(values) &&
      values.every((value) => value > 0) &&
      isNumberArray(starts) &&
      starts[0] === 0 &&
      starts.every((start, k) => k === 0 || (start > starts[k - 1] && start < values.length));
    if (!sound)
      throw new InputError(`latencyModelFromJson: donor bin ${i} does not hold positive values in runs`);
    return { row, column, values: Float64Array.from(values), runStarts: Int32Array.from(starts) };
  });
}

function isClass(value: unknown, bound: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < bound;
}

function isNumberArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);
}
