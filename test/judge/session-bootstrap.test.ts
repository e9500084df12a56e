import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantile, stream } from "../../lib/base/index.js";
import { ClusteredValues, resampleSessions, sessionBootstrap } from "../../lib/judge/index.js";

describe("ClusteredValues", () => {
  it("gives the quantiles of the values written out as often as their session was drawn", () => {
    const cases = fc.array(fc.record({ value: fc.integer({ min: 0, max: 9 }), cluster: fc.nat(4) }), {
      minLength: 1,
      maxLength: 40,
    });
    const multiplicities = fc.array(fc.nat(3), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(cases, multiplicities, (values, times) => {
        const clustered = new ClusteredValues(
          values.map((v) => v.value),
          values.map((v) => v.cluster),
        );
        const written = values.flatMap((v) => new Array<number>(times[v.cluster]!).fill(v.value));
        const probabilities = [0, 0.1, 0.5, 0.55, 0.9, 0.99, 1];
        const got = clustered.quantiles(probabilities, Int32Array.from(times));
        probabilities.forEach((p, k) => {
          const want = quantile(written, p);
          if (want === undefined) expect(got[k]).toBeUndefined();
          else expect(got[k]).toBeCloseTo(want, 12);
        });
      }),
      { numRuns: 1000 },
    );
  });
});

describe("sessionBootstrap", () => {
  it("draws as many sessions as there are", () => {
    const drawn = resampleSessions(50, stream(3, "test"));
    expect(drawn.reduce((a, b) => a + b, 0)).toBe(50);
  });

  it("is wider than a bootstrap of single values when the values of a session are alike", () => {
    const random = stream(7, "test");
    const sessions = 60;
    const values: number[] = [];
    const bySession: number[] = [];
    for (let s = 0; s < sessions; s++) {
      const level = 100 + 30 * random.normal();
      for (let turn = 0; turn < 10; turn++) {
        values.push(level + random.normal());
        bySession.push(s);
      }
    }
    const width = (clusters: number[], count: number): number => {
      const clustered = new ClusteredValues(values, clusters);
      const [interval] = sessionBootstrap(count, (m) => clustered.quantiles([0.5], m), { replicates: 300 });
      return interval![1] - interval![0];
    };
    expect(width(bySession, sessions)).toBeGreaterThan(1.8 * width([...values.keys()], values.length));
  });

  it("has no interval for a statistic that most resamples do not have", () => {
    const [interval] = sessionBootstrap(5, () => [undefined]);
    expect(interval).toBeUndefined();
  });
});
