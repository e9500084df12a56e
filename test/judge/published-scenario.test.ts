import { describe, expect, it } from "vitest";
import { quantile } from "../../lib/base/index.js";
import { publishedArrivalSeeds, publishedArrivals } from "../../lib/captures/index.js";
import { cohortIndices, countOutcomes, summarizeCohort, ttftSurvival } from "../../lib/cohorts/index.js";
import type { EngineRun } from "../../lib/engine/index.js";
import { publishedFigure, publishedScenario } from "../../lib/judge/index.js";
import { loadOverTime, type Replay } from "../../lib/replay/index.js";
import { isComplete } from "../../lib/trace/index.js";

const limitMs = publishedFigure.requestTimeoutMs;
const arrivalsMs = await publishedArrivals();
const { warm, cold } = publishedScenario({ arrivalsMs });
const unlimited = publishedScenario({ arrivalsMs, requestTimeoutMs: Number.POSITIVE_INFINITY }).cold;
const ended = publishedScenario({ arrivalsMs, onTimeout: "end-session" }).cold;

const cohort = ({ trace, sessions }: Replay, name: "turn1" | "turns2plus") =>
  cohortIndices(sessions, name).map((i) => trace.records[i]!);
const ttfts = (records: ReturnType<typeof cohort>) =>
  records.filter(isComplete).map(({ ttftMs }) => ttftMs as number);

/** |modeled / published - 1|. */
const off = (modeled: number, published: number) => Math.abs(modeled / published - 1);

describe("the published scenario", () => {
  it("is 99 sessions of five turns over two prefixes, and with the cache on nobody is cut", () => {
    expect(warm.trace.records.length).toBe(495);
    expect(new Set(warm.sessions.session).size).toBe(99);
    expect(warm.trace.records.every(isComplete)).toBe(true);
    const prompts = new Set(warm.trace.records.map(({ promptTokens }) => promptTokens));
    // 9,750 + 192, and 192 + 128 more each turn.
    expect([...prompts].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4].map((turn) => 9_942 + 320 * turn));
    const firstBlocks = new Set(warm.trace.records.map(({ blockIds }) => blockIds![0]));
    expect(firstBlocks.size).toBe(2);
  });

  it("leaves what the figure shows: as many complete, and their waits, within a quarter", () => {
    const [first, later] = [ttfts(cohort(cold, "turn1")), ttfts(cohort(cold, "turns2plus"))];
    expect(off(first.length, publishedFigure.turn1.completed)).toBeLessThan(0.25);
    expect(off(Math.max(...first), publishedFigure.turn1.maxMs)).toBeLessThan(0.25);
    expect(off(later.length, publishedFigure.turns2plus.completed)).toBeLessThan(0.25);
    expect(off(quantile(later, 0.5)!, publishedFigure.turns2plus.p50Ms)).toBeLessThan(0.25);
    expect(off(quantile(later, 0.99)!, publishedFigure.turns2plus.p99Ms)).toBeLessThan(0.25);
  });

  it("gives other arrivals other survivors: with so few, the figure's p50 is one draw", async () => {
    const table = [];
    for (const seed of await publishedArrivalSeeds()) {
      const run = publishedScenario({ arrivalsMs: await publishedArrivals(seed) }).cold;
      const later = ttfts(cohort(run, "turns2plus"));
      table.push({
        seed,
        turn1: ttfts(cohort(run, "turn1")).length,
        later: later.length,
        p50: Math.round(quantile(later, 0.5)! / 100) / 10,
        p99: Math.round(quantile(later, 0.99)! / 100) / 10,
      });
    }
    expect(table).toEqual([
      { seed: 0, turn1: 62, later: 46, p50: 22.7, p99: 58.2 },
      { seed: 1, turn1: 62, later: 29, p50: 23, p99: 58.7 },
      { seed: 2, turn1: 61, later: 51, p50: 21.3, p99: 63.9 },
      { seed: 3, turn1: 62, later: 57, p50: 30, p99: 57.1 },
    ]);
  });

  it("accounts for every request, and lets none that is complete last longer than the limit", () => {
    for (const run of [warm, cold, ended]) {
      const { records } = run.trace;
      const outcomes = countOutcomes(records);
      const cut = outcomes.timedOutBeforeFirstToken + outcomes.timedOutAfterFirstToken;
      expect(outcomes.unanswered).toBe(0);
      expect(outcomes.completed + cut + outcomes.neverSent).toBe(495);
      for (const record of records) {
        if (record.finishReason === "never sent") continue;
        expect(record.elapsedMs).toBeLessThanOrEqual(limitMs + 1e-6);
        if (record.finishReason === "timeout") expect(record.elapsedMs).toBe(limitMs);
      }
      expect((run.run as EngineRun).heldBlocks).toBe(0);
      const { running, waiting } = loadOverTime(run.run);
      expect([running.at(-1), waiting.at(-1), Math.min(...running, ...waiting)]).toEqual([0, 0, 0]);
    }
    expect(countOutcomes(cold.trace.records).neverSent).toBe(0);
    expect(countOutcomes(ended.trace.records).neverSent).toBeGreaterThan(200);
  });

  it("sends a turn when the one before it ends, answered or not, and none after one that ended its session", () => {
    const endMs = (run: Replay, i: number) => run.run.lastTokenMs(i) ?? run.run.timedOutMs(i);
    cold.sessions.parent.forEach((parent, i) => {
      if (parent >= 0) expect(cold.run.fireMs[i]).toBeCloseTo(endMs(cold, parent)!, 6);
    });
    ended.sessions.parent.forEach((parent, i) => {
      if (parent < 0) return;
      const lastMs = ended.run.lastTokenMs(parent);
      if (lastMs === undefined) expect(ended.run.fireMs[i]).toBeNaN();
      else expect(ended.run.fireMs[i]).toBeCloseTo(lastMs, 6);
    });
  });

  it("is censored: survivors look three times as fast as the same turns without a limit, Kaplan-Meier does not", () => {
    const later = cohort(cold, "turns2plus");
    const survivors = summarizeCohort(later.filter(isComplete)).ttftMs.p50!;
    const free = summarizeCohort(cohort(unlimited, "turns2plus")).ttftMs.p50!;
    expect(countOutcomes(cohort(unlimited, "turns2plus")).completed).toBe(396);
    expect(free).toBeGreaterThan(3 * survivors);
    // More than half still waited when they were cut: the median is beyond the limit, as it is without one.
    const { curve, medianMs, n, censored } = ttftSurvival(cold, "turns2plus");
    expect([medianMs, n, censored]).toEqual([undefined, 396, 236]);
    expect(curve.survival.at(-1)).toBeCloseTo(236 / 396, 9);
    expect(free).toBeGreaterThan(limitMs);
  });

  it("does not change where the limit is infinite", () => {
    expect(unlimited.conditions.requestTimeoutMs).toBeUndefined();
    expect(unlimited.trace.meta.extra).not.toHaveProperty("request_timeout_ms");
    const long = publishedScenario({ arrivalsMs, requestTimeoutMs: 1e9 }).cold;
    expect([...long.run.fireMs]).toEqual([...unlimited.run.fireMs]);
    expect(long.trace.records).toEqual(unlimited.trace.records);
  });

  it("refuses a schedule without arrivals", () => {
    expect(() => publishedScenario({ arrivalsMs: [] })).toThrow("arrivalsMs is empty");
  });
});
