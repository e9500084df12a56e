import { InputError, requireFinite, solveSymmetric } from "../base/index.js";
import { atRiskAt, eventsAt } from "./at-risk-at.js";
import { chiSquareTail } from "./incomplete-gamma.js";
import { type Observations, requireObservations } from "./observations.js";

/**
 * Where a test looks for a difference: "log-rank" weighs every event alike (best when one hazard is a multiple of the
 * other); "peto-peto" weighs early events more; `{ rho, gamma }` is Fleming and Harrington's family
 * S(t-)^rho (1 - S(t-))^gamma: gamma > 0 looks at the tail.
 */
export type TestWeighting = "log-rank" | "peto-peto" | { readonly rho: number; readonly gamma: number };

/** The outcome of a test that k curves are one. */
export interface LogRankTest {
  /** Weighted events seen and expected in each sample, summed over strata. */
  readonly observed: readonly number[];
  readonly expected: readonly number[];
  /** Covariance of observed - expected, k x k. */
  readonly covariance: readonly (readonly number[])[];
  /** The statistic, and its p-value; undefined when no event could have told the samples apart. */
  readonly chiSquare: number | undefined;
  readonly pValue: number | undefined;
  /** Samples with any expected event, less one. */
  readonly degreesOfFreedom: number;
}

/** Options of {@link logRankTest}. */
export interface LogRankOptions {
  /** Default "log-rank". */
  readonly weighting?: TestWeighting;
}

/**
 * Tests whether k samples have one survival curve.
 *
 * Definition: at each event time, events in a sample against its share of those at risk, with the hypergeometric
 * variance; the quadratic form of the sums is chi-square with k - 1 degrees of freedom. Mantel (1966), Peto and Peto
 * (1972), Fleming and Harrington (1991). The Fleming-Harrington weight uses the pooled Kaplan-Meier curve just before t;
 * Peto-Peto uses prod(1 - d / (n + 1)) at t. R: `survdiff(Surv(time, status) ~ group, rho)`; lifelines:
 * `multivariate_logrank_test(weightings=...)`. It takes rows as independent: for turns of sessions, use
 * `restrictedMeanDifference` with clusters.
 * @throws InputError for fewer than two samples, an unknown weighting, or naming the index of a bad observation
 * @example
 * ```ts
 * import { logRankTest } from "prefixlab/survival";
 * const captured = { times: [30, 36, 48, 87, 103] };
 * const modeled = { times: [31, 35, 50, 80, 110] };
 * const { chiSquare, pValue } = logRankTest([captured, modeled]);
 * [chiSquare, pValue]; // → [0.07907, 0.7786]
 * ```
 */
export function logRankTest(samples: readonly Observations[], options: LogRankOptions = {}): LogRankTest {
  return stratifiedLogRankTest([samples], options);
}

/**
 * {@link logRankTest} within strata: each stratum (a cohort, a rate) is compared with itself, and the differences and
 * variances are summed. R: `survdiff(... ~ group + strata(stratum))`.
 * @param strata one entry a stratum, each with the same k samples in the same order; a sample may be empty
 * @example
 * ```ts
 * import { stratifiedLogRankTest } from "prefixlab/survival";
 * const firstTurns = [{ times: [430, 460, 510] }, { times: [440, 455, 530] }];
 * const laterTurns = [{ times: [30, 36, 48, 87] }, { times: [31, 35, 50, 80] }];
 * stratifiedLogRankTest([firstTurns, laterTurns]).pValue; // → 0.9667
 * ```
 */
export function stratifiedLogRankTest(
  strata: readonly (readonly Observations[])[],
  options: LogRankOptions = {},
): LogRankTest {
  const where = "logRankTest";
  const k = strata[0]?.length ?? 0;
  if (k < 2) throw new InputError(`${where}: needs at least 2 samples, got ${k}`);
  const weighting = requireWeighting(where, options.weighting ?? "log-rank");
  const observed = new Array<number>(k).fill(0);
  const expected = new Array<number>(k).fill(0);
  const covariance = observed.map(() => new Array<number>(k).fill(0));
  strata.forEach((samples, s) => {
    if (samples.length !== k)
      throw new InputError(
        `${where}: every stratum needs the same ${k} samples, stratum ${s} has ${samples.length}`,
      );
    for (const [i, sample] of samples.entries()) requireObservations(`${where}: sample ${i}`, sample);
    addStratum(samples, weighting, observed, expected, covariance);
  });
  return { observed, expected, covariance, ...quadraticForm(observed, expected, covariance) };
}

function addStratum(
  samples: readonly Observations[],
  weighting: TestWeighting,
  observed: number[],
  expected: number[],
  covariance: number[][],
): void {
  const grid = distinctEventTimes(samples);
  const atRisk = samples.map((sample) => atRiskAt(grid, sample));
  const events = samples.map((sample) => eventsAt(grid, sample));
  let survival = 1;
  let petoSurvival = 1;
  for (let row = 0; row < grid.length; row++) {
    let n = 0;
    let d = 0;
    for (let i = 0; i < samples.length; i++) {
      n += atRisk[i][row];
      d += events[i][row];
    }
    if (d === 0) continue;
    petoSurvival *= 1 - d / (n + 1);
    const weight =
      weighting === "log-rank"
        ? 1
        : weighting === "peto-peto"
          ? petoSurvival
          : survival ** weighting.rho * (1 - survival) ** weighting.gamma;
    survival *= 1 - d / n;
    const spread = n > 1 ? (weight * weight * d * (n - d)) / (n - 1) : 0;
    for (let i = 0; i < samples.length; i++) {
      const share = atRisk[i][row] / n;
      observed[i] += weight * events[i][row];
      expected[i] += weight * d * share;
      for (let j = 0; j < samples.length; j++)
        covariance[i][j] += spread * share * ((i === j ? 1 : 0) - atRisk[j][row] / n);
    }
  }
}

function distinctEventTimes(samples: readonly Observations[]): Float64Array {
  const times: number[] = [];
  for (const { times: own, observed, weights } of samples) {
    for (let i = 0; i < own.length; i++)
      if ((observed === undefined || observed[i]) && (weights === undefined || weights[i] > 0))
        times.push(own[i] + 0);
  }
  const sorted = Float64Array.from(times).sort();
  return sorted.filter((time, i) => i === 0 || time !== sorted[i - 1]);
}

function quadraticForm(
  observed: readonly number[],
  expected: readonly number[],
  covariance: readonly (readonly number[])[],
): Pick<LogRankTest, "chiSquare" | "pValue" | "degreesOfFreedom"> {
  const active = expected.flatMap((value, i) => (value > 0 && covariance[i][i] > 0 ? [i] : []));
  const degreesOfFreedom = Math.max(0, active.length - 1);
  if (degreesOfFreedom === 0) return { chiSquare: undefined, pValue: undefined, degreesOfFreedom };
  // The differences sum to zero: leave one out, and scale to correlations before solving.
  const free = active.slice(0, -1);
  const z = free.map((i) => (observed[i] - expected[i]) / Math.sqrt(covariance[i][i]));
  const correlation = free.map((i) =>
    free.map((j) => covariance[i][j] / Math.sqrt(covariance[i][i] * covariance[j][j])),
  );
  const solved = solveSymmetric(correlation, z);
  const chiSquare = Math.max(
    0,
    z.reduce((sum, value, i) => sum + value * solved[i], 0),
  );
  return { chiSquare, pValue: chiSquareTail(chiSquare, degreesOfFreedom), degreesOfFreedom };
}

function requireWeighting(where: string, weighting: TestWeighting): TestWeighting {
  if (weighting === "log-rank" || weighting === "peto-peto") return weighting;
  if (weighting === null || typeof weighting !== "object")
    throw new InputError(
      `${where}: weighting must be log-rank, peto-peto or { rho, gamma }, got ${String(weighting)}`,
    );
  requireFinite(where, "rho", weighting.rho, 0);
  requireFinite(where, "gamma", weighting.gamma, 0);
  return weighting;
}
