import { readFileSync } from "node:fs";
import type { Sample } from "../../lib/survival/index.js";

/** One data set of test/reference/survival/datasets.json. */
export interface DataSet {
  readonly samples: readonly (Sample & { readonly strata?: readonly (number | null)[] })[];
}

type Column = readonly (number | null)[];

/** What R says of one sample. */
export interface RCurve {
  readonly times: Column;
  readonly atRisk: Column;
  readonly events: Column;
  readonly censored: Column;
  readonly survival: Column;
  readonly variance: Column;
  readonly hazard: Column;
  readonly hazardError: Column;
  readonly bands: Readonly<
    Record<
      "plain" | "log" | "log-log" | "arcsin",
      {
        readonly lower: Column;
        readonly upper: Column;
        readonly quantiles: Column;
        readonly quantileLower: Column;
        readonly quantileUpper: Column;
      }
    >
  >;
  readonly restricted: { readonly horizon: number; readonly mean: number; readonly error: number };
  readonly robustVariance?: Column;
  readonly fits?: Readonly<
    Record<
      "weibull" | "lognormal",
      {
        readonly mu: number;
        readonly sigma: number;
        readonly muError: number;
        readonly logSigmaError: number;
        readonly logLikelihood: number;
      }
    >
  >;
}

interface RTest {
  readonly chiSquare: number;
  readonly pValue: number;
  readonly observed: readonly number[];
  readonly expected: readonly number[];
  readonly covariance: readonly (readonly number[])[];
}

/** What R says of one data set. */
export interface RSet {
  readonly curves: readonly RCurve[];
  readonly tests?: Readonly<Record<"logRank" | "rho1" | "rhoHalf", RTest>> & { readonly stratified?: RTest };
}

/** What lifelines and SciPy say of one data set. */
export interface LifelinesSet {
  readonly curves: readonly {
    readonly times: Column;
    readonly survival: Column;
    readonly logLogBand: { readonly lower: Column; readonly upper: Column };
    readonly quantiles: Column;
    readonly hazard?: Column;
    readonly restricted?: { readonly horizon: number; readonly mean: number };
    readonly fits?: Readonly<
      Record<
        "weibull" | "lognormal",
        { readonly mu: number; readonly sigma: number; readonly logLikelihood: number }
      >
    >;
  }[];
  readonly tests?: Readonly<Record<string, { readonly chiSquare: number; readonly pValue: number }>>;
  readonly distances?: { readonly ks: number; readonly wasserstein: number };
}

function read<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../reference/survival/${file}`, import.meta.url), "utf8")) as T;
}

export const dataSets = read<Record<string, DataSet>>("datasets.json");
export const fromR = read<Record<string, RSet>>("r-survival.json");
export const fromLifelines = read<Record<string, LifelinesSet>>("lifelines.json");
export const staying = read<{
  readonly staying: Readonly<Record<"bridge" | "ornsteinUhlenbeck", readonly (readonly number[])[]>>;
}>("lifelines.json").staying;
export const names = Object.keys(dataSets);

/** The largest difference between two columns, relative to 1 or to the expected value if that is larger. */
export function worst(actual: ArrayLike<number | undefined>, expected: Column): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  expected.forEach((value, i) => {
    if (value === null) return;
    const got = actual[i];
    const error = got === undefined ? Number.POSITIVE_INFINITY : Math.abs(got - value);
    largest = Math.max(largest, error / Math.max(1, Math.abs(value)));
  });
  return largest;
}
