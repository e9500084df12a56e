import fc from "fast-check";
import type { Observations } from "../../lib/survival/index.js";

/** S(t) by the definition, one time at a time, counting rows anew: slow and obvious. */
export function naiveSurvival(data: Observations, t: number): number {
  const rows = rowsOf(data);
  const eventTimes = [...new Set(rows.filter((r) => r.seen && r.weight > 0).map((r) => r.time))].sort(
    (a, b) => a - b,
  );
  let survival = 1;
  for (const u of eventTimes) {
    if (u > t) break;
    const atRisk = total(rows.filter((r) => r.entry < u && u <= r.time));
    const died = total(rows.filter((r) => r.seen && r.time === u));
    survival *= 1 - died / atRisk;
  }
  return survival;
}

/** Greenwood's variance at t by its formula; 0 once the curve has reached 0. */
export function naiveVariance(data: Observations, t: number): number {
  const rows = rowsOf(data);
  const survival = naiveSurvival(data, t);
  if (survival === 0) return 0;
  let sum = 0;
  for (const u of new Set(rows.filter((r) => r.seen && r.weight > 0 && r.time <= t).map((r) => r.time))) {
    const atRisk = total(rows.filter((r) => r.entry < u && u <= r.time));
    const died = total(rows.filter((r) => r.seen && r.time === u));
    sum += died / (atRisk * (atRisk - died));
  }
  return survival * survival * sum;
}

interface Row {
  readonly time: number;
  readonly seen: boolean;
  readonly entry: number;
  readonly weight: number;
}

function rowsOf({ times, observed, entry, weights }: Observations): Row[] {
  return Array.from(times, (time, i) => ({
    time,
    seen: observed === undefined || Boolean(observed[i]),
    entry: entry === undefined ? Number.NEGATIVE_INFINITY : entry[i]!,
    weight: weights === undefined ? 1 : weights[i]!,
  }));
}

function total(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + row.weight, 0);
}

/** Observations with many ties, zero times, any share of censoring. */
export function anyObservations(options: { readonly minLength?: number } = {}): fc.Arbitrary<{
  times: number[];
  observed: boolean[];
}> {
  return fc
    .array(
      fc.tuple(
        fc.oneof(fc.integer({ min: 0, max: 12 }), fc.double({ min: 0, max: 20, noNaN: true })),
        fc.boolean(),
      ),
      {
        minLength: options.minLength ?? 1,
        maxLength: 60,
      },
    )
    .map((rows) => ({ times: rows.map(([time]) => time), observed: rows.map(([, seen]) => seen) }));
}

/** {@link anyObservations} with entries below the times and integer or fractional weights. */
export const truncatedAndWeighted: fc.Arbitrary<Observations> = fc
  .array(
    fc.record({
      entry: fc.integer({ min: 0, max: 8 }),
      stay: fc.integer({ min: 1, max: 8 }),
      seen: fc.boolean(),
      weight: fc.integer({ min: 0, max: 4 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((rows) => ({
    times: rows.map((r) => r.entry + r.stay),
    entry: rows.map((r) => r.entry),
    observed: rows.map((r) => r.seen),
    weights: rows.map((r) => r.weight),
  }));
