import { type Blocks, sortedCopy } from "../base/index.js";
import { type AccessRuns, type HitRateCurve, hitRateCurveOf } from "../cache/index.js";
import { type BlockAccesses, tokenShare } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { countOf } from "./sharing-units.js";

/** Steps of each distribution that is balanced. */
const CURVE_STEPS = 32;
const LENGTH_STEPS = 16;

/** What each unit adds to the whole, in columns that a sample is to have its share of. */
export interface BalanceColumns {
  readonly columns: number;
  readonly units: number;
  /** Row by row, each column divided by its scale: 1 is all prompt tokens, requests or sessions of the trace. */
  readonly values: Float32Array;
  readonly totals: Float64Array;
  /** Pool sizes of the first columns: prompt tokens that are found in them. */
  readonly poolSizes: readonly Blocks[];
  /** Sessions of each unit. */
  readonly sessions: Int32Array;
}

/**
 * The columns, one row a unit: prompt tokens that are found in pools of sizes at which equally many more are, all of them; requests
 * up to each of 16 lengths of prompt, of output, and moments of arrival; sessions up to each number of requests. All are
 * cumulated, so that a column's error is a point of the distance between two distributions.
 * @param unitOf the unit of each session
 */
export function balanceColumns(
  { trace, sessions }: Workload,
  unitOf: Int32Array,
  asked: BlockAccesses,
  curve: HitRateCurve,
  runs: AccessRuns,
): BalanceColumns {
  const { records } = trace;
  const unitOfRecord = Int32Array.from(sessions.session, (session) => unitOf[session]);
  const units = countOf(unitOf);
  const poolSizes = sizesOfEqualHits(curve);
  const requestsOf = new Int32Array(unitOf.length);
  for (const session of sessions.session) requestsOf[session]++;
  const perRequest: Float64Array[] = [
    Float64Array.from(records, ({ promptTokens }) => promptTokens),
    Float64Array.from(records, ({ outputTokens }) => outputTokens),
    ...(records.every(({ arrivalMs }) => arrivalMs !== undefined)
      ? [Float64Array.from(records, ({ arrivalMs }) => arrivalMs as number)]
      : []),
  ];
  const columns = poolSizes.length + 1 + LENGTH_STEPS * (perRequest.length + 1);
  const values = new Float32Array(units * columns);
  const add = (unit: number, column: number, amount: number): void => {
    values[unit * columns + column] += amount;
  };

  const perBlock = tokenShare(1, asked);
  hitRateCurveOf(runs, {
    onHits(request, poolBlocks, lookups) {
      const unit = unitOfRecord[asked.order[request]];
      const end = poolBlocks + lookups;
      let step = stepOf(poolSizes, poolBlocks);
      for (let from = poolBlocks; from < end; step++) {
        const to = step + 1 < poolSizes.length ? Math.min(end, poolSizes[step] + 1) : end;
        add(unit, step, (to - from) * perBlock);
        from = to;
      }
    },
  });
  records.forEach(({ promptTokens }, i) => {
    add(unitOfRecord[i], poolSizes.length, promptTokens / Math.max(1, asked.promptTokens));
  });
  let first = poolSizes.length + 1;
  const addSteps = (of: Float64Array, unit: (i: number) => number): void => {
    const steps = stepsOf(of);
    for (let i = 0; i < of.length; i++) add(unit(i), first + stepOf(steps, of[i]), 1 / of.length);
    cumulate(values, columns, first, LENGTH_STEPS);
    first += LENGTH_STEPS;
  };
  cumulate(values, columns, 0, poolSizes.length);
  for (const column of perRequest) addSteps(column, (i) => unitOfRecord[i]);
  addSteps(Float64Array.from(requestsOf), (session) => unitOf[session]);

  const totals = new Float64Array(columns);
  for (let at = 0; at < values.length; at++) totals[at % columns] += values[at];
  const sessionsOfUnit = new Int32Array(units);
  for (const unit of unitOf) sessionsOfUnit[unit]++;
  return { columns, units, values, totals, poolSizes, sessions: sessionsOfUnit };
}

/** Pool sizes between which equally many lookups begin to hit, the last one that at which all do. */
function sizesOfEqualHits(curve: HitRateCurve): Blocks[] {
  const all = curve.hits(curve.saturationBlocks);
  const sizes: Blocks[] = [];
  for (let size = 0; size <= curve.saturationBlocks && all > 0; size++)
    if (curve.hits(size) * CURVE_STEPS >= all * (sizes.length + 1)) sizes.push(size);
  if (sizes.at(-1) !== curve.saturationBlocks) sizes.push(curve.saturationBlocks);
  return sizes;
}

/** Upper ends of steps that hold equally many values. */
function stepsOf(values: Float64Array): Float64Array {
  const ascending = sortedCopy(values);
  return Float64Array.from(
    { length: LENGTH_STEPS },
    (_, step) => ascending[Math.ceil(((step + 1) * ascending.length) / LENGTH_STEPS) - 1],
  );
}

/** The first step that holds a value. */
function stepOf(steps: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function cumulate(values: Float32Array, columns: number, from: number, count: number): void {
  for (let row = 0; row < values.length; row += columns)
    for (let c = from + 1; c < from + count; c++) values[row + c] += values[row + c - 1];
}
