import { describe, expect, it } from "vitest";
import {
  clusterRobustCurve,
  fitLognormal,
  fitWeibull,
  kaplanMeier,
  ksDistance,
  logRankTest,
  nelsonAalen,
  pointwiseBand,
  quantileInterval,
  quantileOf,
  restrictedMean,
  type Sample,
  type SurvivalCurve,
  stratifiedLogRankTest,
  wassersteinDistance,
} from "../../lib/survival/index.js";
import { dataSets, fromLifelines, fromR, names, worst } from "./references.js";

const estimateTolerance = 1e-12;
const bandTolerance = 1e-9;
const shares = [0.1, 0.25, 0.5, 0.75, 0.9];
const transforms = [
  ["plain", "plain"],
  ["log", "log"],
  ["log-log", "log-log"],
  ["arcsine", "arcsin"],
] as const;

const cases = names.flatMap((name) =>
  dataSets[name]!.samples.map((sample, i) => ({
    name: `${name} ${i + 1}`,
    sample,
    r: fromR[name]!.curves[i]!,
    lifelines: fromLifelines[name]!.curves[i]!,
  })),
);

const weightings = [
  ["logRank", "log-rank"],
  ["rho1", { rho: 1, gamma: 0 }],
  ["rhoHalf", { rho: 0.5, gamma: 0 }],
] as const;
const lifelinesWeightings = [
  ["logRank", "log-rank"],
  ["petoPeto", "peto-peto"],
  ["flemingHarrington10", { rho: 1, gamma: 0 }],
  ["flemingHarrington01", { rho: 0, gamma: 1 }],
  ["flemingHarrington11", { rho: 1, gamma: 1 }],
] as const;

/** R answers the middle of a stretch where a curve equals 1 - p; lib/survival and lifelines answer its start. */
function quantileLikeR(times: Float64Array, values: Float64Array, p: number): number | null {
  const row = values.findIndex((value) => value <= 1 - p + 1e-10);
  if (row < 0) return null;
  if (values[row]! < 1 - p - 1e-10) return times[row]!;
  const after = values.findIndex((value) => value < 1 - p - 1e-10);
  return after < 0 ? times[row]! : (times[row]! + times[after]!) / 2;
}

describe.each(cases)("$name against R survival", ({ sample, r }) => {
  const curve = kaplanMeier(sample);

  it("has its risk table, survival and Greenwood variance (missing in R where the curve has reached 0)", () => {
    for (const column of ["times", "atRisk", "events", "censored", "survival", "variance"] as const)
      expect(worst(curve[column], r[column]), column).toBeLessThan(estimateTolerance);
  });

  it("has its cumulative hazard and standard error", () => {
    const { hazard, variance } = nelsonAalen(sample);
    expect(worst(hazard, r.hazard)).toBeLessThan(estimateTolerance);
    expect(worst(variance.map(Math.sqrt), r.hazardError)).toBeLessThan(estimateTolerance);
  });

  it.each(transforms)("has its %s band", (transform, name) => {
    const band = pointwiseBand(curve, { transform });
    expect(worst(band.lower, r.bands[name].lower)).toBeLessThan(bandTolerance);
    expect(worst(band.upper, r.bands[name].upper)).toBeLessThan(bandTolerance);
  });

  it.each(transforms)(
    "has its %s quantile intervals, but for the middles of flat stretches",
    (transform, name) => {
      const band = pointwiseBand(curve, { transform });
      const { quantiles, quantileLower, quantileUpper } = r.bands[name];
      shares.forEach((p, i) => {
        const ours = quantileInterval(curve, p, { transform });
        const columns = [
          [ours.estimate, curve.survival, quantiles[i]!],
          [ours.lower, band.lower, quantileLower[i]!],
          [ours.upper, band.upper, quantileUpper[i]!],
        ] as const;
        for (const [found, values, expected] of columns) {
          // A limit that rises again has no single crossing: R and we choose differently.
          if (values.some((value, k) => k > 0 && value > values[k - 1]! + 1e-12)) continue;
          const likeR = quantileLikeR(curve.times, values, p);
          if (expected === null) expect(found).toBeUndefined();
          else expect(likeR).toBeCloseTo(expected, 9);
          // The two definitions agree unless R took a middle.
          if (found !== undefined && found !== likeR) expect(found).toBeLessThan(likeR!);
        }
      });
    },
  );

  it("has its restricted mean and error", () => {
    const { horizon, mean, error } = r.restricted;
    const ours = restrictedMean(curve, horizon);
    expect(worst([ours?.mean, ours?.standardError], [mean, error])).toBeLessThan(estimateTolerance);
  });
});

describe.each(cases.filter(({ r }) => r.robustVariance))("$name against R survival", ({ sample, r }) => {
  it("has its cluster-robust variance", () => {
    const { variance } = clusterRobustCurve(sample, sample.clusters!);
    expect(worst(variance, r.robustVariance!)).toBeLessThan(estimateTolerance);
  });
});

describe.each(cases.filter(({ r }) => r.fits))("$name against R survival", ({ sample, r }) => {
  it("has its Weibull and lognormal fits", () => {
    for (const fit of [fitWeibull(sample)!, fitLognormal(sample)!]) {
      const expected = r.fits![fit.family];
      const ours = [fit.mu, fit.sigma, fit.muError, fit.sigmaError / fit.sigma, fit.logLikelihood];
      const theirs = [
        expected.mu,
        expected.sigma,
        expected.muError,
        expected.logSigmaError,
        expected.logLikelihood,
      ];
      expect(worst(ours, theirs), fit.family).toBeLessThan(bandTolerance);
    }
  });
});

describe.each(cases)("$name against lifelines", ({ sample, lifelines }) => {
  const curve = kaplanMeier(sample);

  it("has its survival, quantiles and cumulative hazard", () => {
    expect(worst(curve.survival, lifelines.survival)).toBeLessThan(estimateTolerance);
    const quantiles = shares.map((p) => quantileOf(curve, p));
    lifelines.quantiles.forEach((value, i) => {
      expect(quantiles[i] ?? null).toBe(value);
    });
    if (lifelines.hazard !== undefined)
      expect(worst(nelsonAalen(sample).hazard, lifelines.hazard)).toBeLessThan(estimateTolerance);
  });

  it("has its log-log band while the curve is above 0; there lifelines gives 0 to 0, we keep the upper limit", () => {
    const band = pointwiseBand(curve, { transform: "log-log" });
    const alive = (column: readonly (number | null)[]) =>
      column.map((value, k) => (curve.survival[k]! > 0 ? value : null));
    expect(worst(band.lower, alive(lifelines.logLogBand.lower))).toBeLessThan(bandTolerance);
    expect(worst(band.upper, alive(lifelines.logLogBand.upper))).toBeLessThan(bandTolerance);
  });

  it("has its restricted mean", () => {
    // lifelines has none for truncated data.
    if (lifelines.restricted === undefined) return expect(sample.entry).toBeDefined();
    const { horizon, mean } = lifelines.restricted;
    expect(worst([restrictedMean(curve, horizon)?.mean], [mean])).toBeLessThan(estimateTolerance);
  });
});

describe.each(cases.filter(({ lifelines }) => lifelines.fits))(
  "$name against lifelines",
  ({ sample, lifelines }) => {
    it("has a likelihood no lower than its fits, and parameters as near as it converges", () => {
      for (const fit of [fitWeibull(sample)!, fitLognormal(sample)!]) {
        const expected = lifelines.fits![fit.family];
        expect(fit.logLikelihood - expected.logLikelihood, fit.family).toBeGreaterThan(-1e-9);
        expect(worst([fit.mu, fit.sigma], [expected.mu, expected.sigma]), fit.family).toBeLessThan(1e-4);
      }
    });
  },
);

const tested = names.filter((name) => fromR[name]!.tests);

describe.each(tested)("%s: tests of equal curves", (name) => {
  const { samples } = dataSets[name]!;
  const r = fromR[name]!.tests!;

  it.each(weightings)("has R's survdiff, %s", (key, weighting) => {
    const ours = logRankTest(samples, { weighting });
    expect(worst([ours.chiSquare, ours.pValue], [r[key].chiSquare, r[key].pValue])).toBeLessThan(
      bandTolerance,
    );
    expect(worst(ours.observed, r[key].observed)).toBeLessThan(bandTolerance);
    expect(worst(ours.expected, r[key].expected)).toBeLessThan(bandTolerance);
    expect(worst(ours.covariance.flat(), r[key].covariance.flat())).toBeLessThan(bandTolerance);
  });

  it.each(r.stratified ? [name] : [])("has R's stratified survdiff, %s", () => {
    const levels = [...new Set(samples.flatMap(({ strata }) => strata!))].filter((level) => level !== null);
    const strata = levels.map((level) => samples.map((sample) => only(sample, sample.strata!, level)));
    const ours = stratifiedLogRankTest(strata);
    const { chiSquare, pValue, expected } = r.stratified!;
    expect(worst([ours.chiSquare, ours.pValue], [chiSquare, pValue])).toBeLessThan(bandTolerance);
    expect(worst(ours.expected, expected)).toBeLessThan(bandTolerance);
  });

  it.each(lifelinesWeightings)(
    "has lifelines' %s test; where no weight is left lifelines says 0, we undefined",
    (key, weighting) => {
      const expected = fromLifelines[name]!.tests?.[key];
      if (expected === undefined) return;
      const { chiSquare = 0, pValue = 1 } = logRankTest(samples, { weighting });
      expect(worst([chiSquare, pValue], [expected.chiSquare, expected.pValue])).toBeLessThan(bandTolerance);
    },
  );

  it.each(fromLifelines[name]!.distances ? [name] : [])(
    "has SciPy's two-sample KS and Wasserstein distances, %s",
    () => {
      const [a, b] = samples.map(({ times, observed }) =>
        kaplanMeier({ times: Array.from(times).filter((_, i) => observed![i]) }),
      ) as [SurvivalCurve, SurvivalCurve];
      const { ks, wasserstein } = fromLifelines[name]!.distances!;
      expect(worst([ksDistance(a, b), wassersteinDistance(a, b)], [ks, wasserstein])).toBeLessThan(
        estimateTolerance,
      );
    },
  );
});

function only(sample: Sample, strata: readonly (number | null)[], level: number): Sample {
  const keep = strata.map((own) => own === level);
  const times = Array.from(sample.times).filter((_, i) => keep[i]);
  const observed = Array.from(sample.observed as readonly boolean[]).filter((_, i) => keep[i]);
  return { times, observed };
}
