import { describe, expect, it } from "vitest";
import { intervalCoverage } from "../../lib/judge/index.js";
import {
  bimodalCoverage,
  censorings,
  quantileCoverage,
  ratioCoverage,
  sessionCounts,
  shares,
} from "../reference/survival/quantile-coverage.js";

const samples = 250;
/** Nearly four standard errors of 250 samples below 95 %. */
const least = 0.9;

const designs = sessionCounts.flatMap((sessions) =>
  censorings.map((censored) => [sessions, censored, { sessions, censored }] as const),
);

describe.each(designs)("with %d sessions, %d of their turns censored", (_, __, design) => {
  it("limits of a quantile hold their level, or are not given", () => {
    quantileCoverage(design, samples, 21).forEach((row, k) => {
      const { given, held } = row.quantileInterval!;
      if (given * samples >= 60) expect(held, `p = ${shares[k]}`).toBeGreaterThanOrEqual(least);
      expect(row["its lower limit"]!.held, `lower limit, p = ${shares[k]}`).toBeGreaterThan(0.94);
    });
  });

  it("limits of a ratio of quantiles hold their level, or are not given", () => {
    ratioCoverage(design, samples, 22).forEach((row, k) => {
      const { given, held } = row.quantileRatio!;
      if (given * samples >= 60) expect(held, `p = ${shares[k]}`).toBeGreaterThanOrEqual(least);
    });
  });
});

describe("limits", () => {
  it("are given at p50 and p90 of 64 sessions, at p99 only of 256", () => {
    const given = (sessions: number) =>
      quantileCoverage({ sessions }, 100, 23).map((row) => Math.round(row.quantileInterval!.given));
    expect(given(64)).toEqual([1, 1, 0]);
    expect(given(256)).toEqual([1, 1, 1]);
  });

  it("hold at a gap between modes, where the two quantiles may be eight times apart", () => {
    const { given, held } = bimodalCoverage({ slow: 0.098, modeledSlow: 0.102, alike: 0.9 }, 150, 24);
    expect(given).toBe(1);
    expect(held).toBeGreaterThanOrEqual(0.88);
  });

  it("would not hold by resampling sessions: at p99 of 64 sessions the percentile interval misses one time in seven", () => {
    const [, , p99] = quantileCoverage({ sessions: 64 }, 150, 25, { samples: 150, replicates: 200 });
    expect(p99!["bootstrap, percentile"]!.held).toBeLessThan(least);
  });
});

describe("the coverage that the accuracy page shows", () => {
  it("is at least 93 % wherever an interval is given, for every combination that was asked for", () => {
    expect(intervalCoverage.map((c) => [c.sessions, c.censored, c.quantile])).toEqual(
      sessionCounts.flatMap((s) => censorings.flatMap((c) => shares.map((p) => [s, c, p]))),
    );
    for (const { given, held } of intervalCoverage) {
      if (given === 0) expect(held).toBeUndefined();
      else expect(held).toBeGreaterThanOrEqual(0.93);
    }
  });
});
