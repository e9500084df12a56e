import { describe, expect, it } from "vitest";
import { inferSessions, recordedSessions, scoreSessions } from "../../lib/sessions/index.js";
import { multiturnTrace } from "./multiturn-trace.js";

const mission = {
  seed: 7,
  sessions: 99,
  turns: 5,
  prefixCount: 2,
  prefixTokens: 2000,
  promptTokens: 192,
  outputTokens: 128,
  ratePerSecond: 1,
  thinkMs: 1,
  ttftMs: 40,
};

describe("inferSessions on a multi-turn workload over shared prefixes", () => {
  const variants = {
    "cache on": {},
    "cache off: cold turns take seconds": { ttftMs: 9000 },
    "answers recorded": { recordAnswers: true },
    "no latencies": { withoutLatencies: true },
    "one shared prefix, two sessions only": { sessions: 2, prefixCount: 1, ratePerSecond: 0.01 },
    "a prefix for each session": { sessions: 20, prefixCount: 20 },
    "no prefix": { prefixTokens: 0, prefixCount: 1 },
    "think time of minutes": { thinkMs: 60_000 },
  };
  for (const [name, variant] of Object.entries(variants)) {
    it(`finds every parent and no other: ${name}`, () => {
      const trace = multiturnTrace({ ...mission, ...variant });
      const truth = recordedSessions(trace);
      const score = scoreSessions(inferSessions(trace), truth as NonNullable<typeof truth>);
      expect(score).toMatchObject({ precision: 1, recall: 1, adjustedRandIndex: 1 });
    });
  }

  it("leaves turns shorter than a block without a parent rather than guess one", () => {
    const trace = multiturnTrace({ ...mission, promptTokens: 9, outputTokens: 9, recordAnswers: true });
    const truth = recordedSessions(trace);
    const score = scoreSessions(inferSessions(trace), truth as NonNullable<typeof truth>);
    expect(score.precision).toBe(1);
    expect(score.recall).toBeGreaterThan(0.9);
  });
});
