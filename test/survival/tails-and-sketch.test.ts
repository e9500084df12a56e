import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import {
  fitLognormal,
  fitWeibull,
  goodnessOfFit,
  kaplanMeier,
  quantileOf,
  restoreSketch,
  survivalAt,
  survivalSketch,
} from "../../lib/survival/index.js";

function lognormalSample(n: number, seed: number, censorMean = Number.POSITIVE_INFINITY) {
  const draw = stream(seed, "lognormal");
  const rows = Array.from({ length: n }, () => {
    const event = Math.exp(3 + 0.5 * draw.normal());
    const cut = draw.exponential(1) * censorMean;
    return { time: Math.min(event, cut), seen: event <= cut };
  });
  return { times: rows.map((r) => r.time), observed: rows.map((r) => r.seen) };
}

describe("tail fits", () => {
  it("have lognormal's closed form when nothing is censored", () => {
    const { times } = lognormalSample(200, 1);
    const logs = times.map(Math.log);
    const mu = logs.reduce((a, b) => a + b) / 200;
    const sigma = Math.sqrt(logs.reduce((s, y) => s + (y - mu) ** 2, 0) / 200);
    const fit = fitLognormal({ times })!;
    expect(fit.mu).toBeCloseTo(mu, 12);
    expect(fit.sigma).toBeCloseTo(sigma, 12);
    expect(fit.muError).toBeCloseTo(sigma / Math.sqrt(200), 12);
    expect(fit.sigmaError).toBeCloseTo(sigma / Math.sqrt(400), 12);
  });

  it("are at a maximum: the likelihood computed apart is lower on every side", () => {
    const data = lognormalSample(150, 2, 40);
    for (const fit of [fitLognormal(data)!, fitWeibull(data)!]) {
      const likelihood = (mu: number, sigma: number): number =>
        data.times.reduce((sum, t, i) => {
          const z = (Math.log(t) - mu) / sigma;
          if (!data.observed[i]) return sum + Math.log(1 - fit.survivalAt(0) + tail(fit.family, z));
          const density =
            fit.family === "weibull"
              ? Math.exp(z - Math.exp(z))
              : Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
          return sum + Math.log(density / (sigma * t));
        }, 0);
      const top = likelihood(fit.mu, fit.sigma);
      expect(top).toBeCloseTo(fit.logLikelihood, 6);
      for (const [dm, ds] of [
        [0.01, 0],
        [-0.01, 0],
        [0, 0.01],
        [0, -0.01],
      ] as const)
        expect(likelihood(fit.mu + dm, fit.sigma + ds)).toBeLessThan(top);
      expect(fit.aic).toBeCloseTo(4 - 2 * fit.logLikelihood, 12);
    }
  });

  it("move with the unit of time: mu by the log of the factor, sigma not at all", () => {
    const data = lognormalSample(80, 3, 30);
    const scaled = { ...data, times: data.times.map((t) => t * 1000) };
    for (const fitFamily of [fitLognormal, fitWeibull]) {
      expect(fitFamily(scaled)!.mu).toBeCloseTo(fitFamily(data)!.mu + Math.log(1000), 10);
      expect(fitFamily(scaled)!.sigma).toBeCloseTo(fitFamily(data)!.sigma, 10);
    }
  });

  it("weigh rows as repeats, and quantileOf undoes survivalAt", () => {
    const { times, observed } = lognormalSample(40, 4, 30);
    const twice = { times: [...times, ...times], observed: [...observed, ...observed] };
    const weights = times.map(() => 2);
    for (const fitFamily of [fitLognormal, fitWeibull]) {
      const found = fitFamily({ times, observed, weights })!;
      expect(found.mu).toBeCloseTo(fitFamily(twice)!.mu, 10);
      for (const p of [0.01, 0.5, 0.999])
        expect(found.survivalAt(found.quantileOf(p))).toBeCloseTo(1 - p, 10);
    }
  });

  it("are undefined where the data bound nothing, and reject what they cannot use", () => {
    expect(fitWeibull({ times: [1, 2, 3], observed: [false, false, false] })).toBeUndefined();
    expect(fitLognormal({ times: [2, 2, 1], observed: [true, true, false] })).toBeUndefined();
    expect(() => fitWeibull({ times: [0, 1] })).toThrow("fitWeibull: times[0] is an event at 0");
    expect(() => fitWeibull({ times: [1, 2], entry: [0, 0] })).toThrow(
      "left truncation (entry) is not supported",
    );
    expect(() => fitLognormal({ times: [1, Number.NaN] })).toThrow("fitLognormal: times[1] must be");
  });

  it("survive a censoring so late that the normal tail underflows", () => {
    const times = [1, 1.01, 1.02, 0.99, 1e6];
    const fit = fitLognormal({ times, observed: [true, true, true, true, false] })!;
    expect(Number.isFinite(fit.mu) && Number.isFinite(fit.sigma) && fit.sigma > 0).toBe(true);
  });
});

function tail(family: "weibull" | "lognormal", z: number): number {
  if (family === "weibull") return Math.exp(-Math.exp(z));
  // Simpson's rule from z to 12: independent of the library's own tail.
  const n = 2000;
  const h = (12 - z) / n;
  let sum = 0;
  for (let i = 0; i <= n; i++) {
    const x = z + i * h;
    sum += (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp((-x * x) / 2);
  }
  return (sum * h) / 3 / Math.sqrt(2 * Math.PI);
}

describe("goodnessOfFit", () => {
  const data = lognormalSample(300, 6, 60);

  it("lets the right family pass and rejects the wrong one", () => {
    expect(goodnessOfFit(data, fitLognormal(data)!, { replicates: 99 })!.pValue).toBeGreaterThan(0.05);
    expect(goodnessOfFit(data, fitWeibull(data)!, { replicates: 99 })!.pValue).toBeLessThan(0.05);
  });

  it("is reproducible, and undefined without data", () => {
    const fit = fitLognormal(data)!;
    expect(goodnessOfFit(data, fit, { replicates: 20, seed: 1 })).toEqual(
      goodnessOfFit(data, fit, { replicates: 20, seed: 1 }),
    );
    expect(goodnessOfFit({ times: [] }, fit)).toBeUndefined();
    expect(() => goodnessOfFit({ times: [1], weights: [1] }, fit)).toThrow("weighted or truncated");
  });
});

describe("survivalSketch", () => {
  const time = fc.oneof(fc.constant(0), fc.double({ min: 1e-12, max: 1e5, noNaN: true }));
  const times = fc.array(fc.tuple(time, fc.boolean()), { minLength: 1, maxLength: 200 });

  it("has every quantile of uncensored data within its relative accuracy", () => {
    fc.assert(
      fc.property(
        times,
        fc.constantFrom(0.001, 0.01, 0.1),
        fc.integer({ min: 0, max: 10 }),
        (rows, relativeAccuracy, tenths) => {
          const sketch = survivalSketch({ relativeAccuracy });
          for (const [time] of rows) sketch.add(time);
          const exact = quantileOf(kaplanMeier({ times: rows.map(([time]) => time) }), tenths / 10);
          const rough = quantileOf(sketch.curve(), tenths / 10)!;
          expect(Math.abs(rough - exact!)).toBeLessThanOrEqual(
            relativeAccuracy * exact! * (1 + 1e-9) + 1e-300,
          );
        },
      ),
    );
  });

  it("is the Kaplan-Meier curve of times moved by no more than its accuracy", () => {
    fc.assert(
      fc.property(times, (rows) => {
        const sketch = survivalSketch({ relativeAccuracy: 0.01 });
        for (const [time, seen] of rows) sketch.add(time, seen);
        const curve = sketch.curve();
        const nearest = (t: number): number =>
          curve.times.reduce(
            (best, u) => (Math.abs(u - t) < Math.abs(best - t) ? u : best),
            Number.POSITIVE_INFINITY,
          );
        const moved = kaplanMeier({
          times: rows.map(([t]) => nearest(t)),
          observed: rows.map(([, seen]) => seen),
        });
        for (const [t] of rows) {
          expect(Math.abs(nearest(t) - t)).toBeLessThanOrEqual(0.01 * t * (1 + 1e-9));
          expect(survivalAt(curve, nearest(t))).toBeCloseTo(survivalAt(moved, nearest(t)), 12);
        }
      }),
    );
  });

  it("merges without loss: any split gives the same state, also through JSON", () => {
    fc.assert(
      fc.property(times, fc.nat(200), (rows, cut) => {
        const [all, left, right] = [survivalSketch(), survivalSketch(), survivalSketch()];
        rows.forEach(([time, seen], i) => {
          all.add(time, seen);
          (i < cut ? left : right).add(time, seen);
        });
        const sent = restoreSketch(
          JSON.parse(JSON.stringify(right.state())) as ReturnType<typeof right.state>,
        );
        left.merge(sent);
        expect(left.state()).toEqual(all.state());
        expect(left.curve()).toEqual(all.curve());
      }),
    );
  });

  it("counts a positive time below 1e-12 as 0", () => {
    const sketch = survivalSketch();
    sketch.add(1e-13);
    sketch.add(5);
    expect(sketch.curve().times[0]).toBe(0);
    expect(sketch.curve().survival[0]).toBe(0.5);
  });

  it("rejects other accuracies and bad times", () => {
    const sketch = survivalSketch();
    expect(() => sketch.merge(survivalSketch({ relativeAccuracy: 0.1 }))).toThrow(
      "relativeAccuracy must be equal, got 0.1 for 0.001",
    );
    expect(() => sketch.add(-1)).toThrow("survivalSketch.add: times[0] must be a finite number >= 0, got -1");
    expect(() => sketch.add(1e13)).toThrow(
      "survivalSketch.add: time must be at most 1e12, got 10000000000000",
    );
    expect(() => survivalSketch({ relativeAccuracy: 0 })).toThrow("relativeAccuracy must be a number from");
  });
});
