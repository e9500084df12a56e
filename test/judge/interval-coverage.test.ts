import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { intervalCoverage } from "../../lib/judge/index.js";

/** Rows such as "| 64 sessions, 0 % censored, p99 | 97.9 + (16 %) | ...": percent held, and of how many samples. */
function ratiosOfPage(page: string) {
  const [, section] = page.split("## The ratio of a modeled quantile to a captured one");
  const [table] = section.split(/^## /m);
  const row =
    /^\| (?<sessions>\d+) sessions, (?<censored>\d+) % censored, p(?<p>\d+) +\| +(?<held>none|[\d.]+)(?: \+)?(?: \((?<given>[\d.]+) %\))? \|/gm;
  return [...table.matchAll(row)].map(({ groups = {} }) => ({
    sessions: Number(groups.sessions),
    censored: Number(groups.censored) / 100,
    quantile: Number(groups.p) / 100,
    given: groups.held === "none" ? 0 : Number(groups.given ?? 100) / 100,
    held: groups.held === "none" ? undefined : Number(groups.held) / 100,
  }));
}

describe("the coverage of intervals that the accuracy page shows", () => {
  const page = new URL("../reference/survival/quantile-coverage.md", import.meta.url);
  const simulated = ratiosOfPage(readFileSync(page, "utf8"));

  it("is what the simulation wrote, row for row", () => {
    expect(simulated).toHaveLength(18);
    expect(intervalCoverage).toHaveLength(18);
    intervalCoverage.forEach((row, i) => {
      const { given, held, ...sample } = simulated[i];
      expect(row).toMatchObject(sample);
      expect(Math.abs(row.given - given)).toBeLessThanOrEqual(0.005);
      if (held === undefined) expect(row.held).toBeUndefined();
      else expect(Math.abs((row.held ?? 0) - held)).toBeLessThanOrEqual(0.000501);
    });
  });

  it("holds at least 93 % wherever an interval is given, and tells nothing where none is", () => {
    for (const { given, held } of intervalCoverage) {
      expect(given).toBeGreaterThanOrEqual(0);
      expect(given).toBeLessThanOrEqual(1);
      if (given === 0) expect(held).toBeUndefined();
      else expect(held).toBeGreaterThanOrEqual(0.93);
    }
  });
});
