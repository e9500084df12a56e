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
}

/** The axes of a set of bins. */
export interface DonorAxes {
  readonly rows: number;
  readonly columns: number;
  /** How unlike two kinds of step are: a step without a bin of its own draws from the nearest. */
  distance(row: number, column: number, bin: DonorBin): number;
}

/** A bin with fewer values than this says too little of its own kind of step. */
const minBinValues = 40;
/** Enough for a p99.9, and a model file that stays small. */
const maxBinValues = 4000;
/** Bins nearer than this can stand in for one another. */
const standInDistance = 100;

/**
 * Groups observed values into bins. A bin with fewer than 40 values is left out if another can stand in for it;
 * large bins keep runs at even spacing. Values are rounded to four decimals and kept above zero.
 */
export function collectDonors(samples: Iterable<DonorSample>, axes: DonorAxes): DonorBin[] {
  const grouped = new Map<number, number[][]>();
  const lastRun = new Map<number, number>();
  for (const { row, column, value, run } of samples) {
    const key = row * axes.columns + column;
    const runs = grouped.get(key) ?? [];
    if (runs.length === 0) grouped.set(key, runs);
    if (runs.length === 0 || lastRun.get(key) !== run) runs.push([]);
    lastRun.set(key, run);
    runs[runs.length - 1]!.push(Math.max(1e-4, Math.round(value * 1e4) / 1e4));
  }
  const keys = [...grouped.keys()].sort((a, b) => a - b);
  const bins = keys.map((key) => {
    const row = Math.floor(key / axes.columns);
    return toBin(row, key % axes.columns, grouped.get(key)!);
  });
  const large = bins.filter((bin) => bin.values.length >= minBinValues);
  return bins.filter(
    (bin) =>
      bin.values.length >= minBinValues ||
      !large.some((other) => axes.distance(bin.row, bin.column, other) < standInDistance),
  );
}

function toBin(row: number, column: number, runs: readonly (readonly number[])[]): DonorBin {
  const total = runs.reduce((sum, run) => sum + run.length, 0);
  const stride = Math.max(1, total / maxBinValues);
  const kept: (readonly number[])[] = [];
  for (let i = 0; Math.floor(i) < runs.length; i += stride) kept.push(runs[Math.floor(i)]!);
  const runStarts = new Int32Array(kept.length);
  let size = 0;
  kept.forEach((run, i) => {
    runStarts[i] = size;
    size += run.length;
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
      starts.every((start, k) => k === 0 || (start > starts[k - 1]! && start < values.length));
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
