import { describe, expect, it } from "vitest";
import { inferSessions, scoreSessions } from "../../lib/sessions/index.js";
import { hasWeka, wekaWorkload } from "./weka-workload.js";

/**
 * 40 real coding-agent conversations over common system prompts, interleaved. 14 of their 1,275 top-level requests
 * start their context afresh inside a conversation: a rewritten first message or another model, sharing nothing past
 * the trunk. No rule over hash chains can tie those to what came before; so the truth is read twice, with and
 * without them.
 */
describe.skipIf(!hasWeka)("inferSessions on 40 interleaved agent conversations (../shared/data/weka)", () => {
  for (const [seed, minutes] of [
    [1, 5],
    [2, 60],
    [3, 600],
  ] as const) {
    it(`finds at least 99 % of edges and sessions, starts spread over ${minutes} min`, () => {
      const { trace, byContext, byFile, restarts } = wekaWorkload(seed, minutes * 60_000);
      const found = inferSessions(trace);
      const score = scoreSessions(found, byContext);
      expect(score.precision).toBeGreaterThanOrEqual(0.99);
      expect(score.recall).toBeGreaterThanOrEqual(0.99);
      expect(score.adjustedRandIndex).toBeGreaterThanOrEqual(0.99);

      expect(restarts).toBe(14);
      const strict = scoreSessions(found, byFile);
      expect(strict.actual).toBe(1235);
      expect(strict.precision).toBeGreaterThanOrEqual(0.99);
      // 14 restarts of 1,235 edges put the ceiling at 0.9887.
      expect(strict.recall).toBeGreaterThanOrEqual(0.98);
    });
  }

  it("finds later turns as well as early ones", () => {
    const { trace, byContext } = wekaWorkload(4, 3_600_000);
    const { byTurn } = scoreSessions(inferSessions(trace), byContext);
    const late = byTurn.filter(({ turn }) => turn > 20);
    const actual = late.reduce((sum, row) => sum + row.actual, 0);
    expect(actual).toBeGreaterThan(500);
    expect(late.reduce((sum, row) => sum + row.correct, 0) / actual).toBeGreaterThanOrEqual(0.99);
    // Two conversations alone share a stretch of trunk past the common one: one of them may be taken for a rewind.
    expect(byTurn[0]?.inferred).toBeLessThanOrEqual(1);
  });
});
