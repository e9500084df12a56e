import { describe, expect, it } from "vitest";
import { clusterCoverage, pointwiseCoverage, simultaneousCoverage } from "../reference/survival/coverage.js";

// Few samples, fixed seeds: a binomial with p = 0.95 strays by 4 standard errors once in 16,000 cells.
const margin = (samples: number): number => 4 * Math.sqrt((0.95 * 0.05) / samples);

describe("nominal 95 % limits", () => {
  it.each([
    [30, 0],
    [100, 0.5],
  ])(
    "hold the truth at one time, n = %d, %d censored, where the default transform is used",
    (n, censored) => {
      const held = pointwiseCoverage(n, censored, 600, 11);
      for (const method of ["S = 0.5, log-log", "S = 0.25, log-log", "median, log-log", "hazard, log"]) {
        expect(held[method], method).toBeGreaterThan(0.95 - margin(600));
        expect(held[method], method).toBeLessThan(0.95 + margin(600));
      }
    },
  );

  it("hold the whole curve, in either default", () => {
    const held = simultaneousCoverage(30, 0.2, 150, 12);
    for (const method of ["equal-precision, arcsine", "hall-wellner, log-log"]) {
      expect(held[method], method).toBeGreaterThan(0.95 - margin(150));
    }
  });

  it("hold with ten correlated turns a session when sessions are resampled, and fail when rows are", () => {
    const held = clusterCoverage(
      { sessions: 30, turns: 10, censored: 0.2, samples: 120, replicates: 99 },
      13,
    );
    for (const method of ["median, bootstrap of sessions", "S = 0.5, cluster-robust"])
      expect(held[method], method).toBeGreaterThan(0.95 - margin(120));
    for (const method of ["median, bootstrap of rows", "S = 0.5, Greenwood"])
      expect(held[method], method).toBeLessThan(0.85);
  });
});
