import { describe, expect, it } from "vitest";
import { latencyProfile } from "../../lib/latency/index.js";
import { loadOverTime, simulateSessions } from "../../lib/replay/index.js";
import { planSessions } from "../../lib/workload/index.js";
import { runOf } from "./run-of.js";

const sessions = planSessions({
  ratePerSecond: 4,
  sessions: 30,
  turns: 3,
  prefixCount: 2,
  promptTokens: 200,
  outputTokens: 50,
  thinkTimeMs: 0,
  seed: 2,
});
const { run } = simulateSessions({
  sessions,
  prefixTokens: 4000,
  model: latencyProfile("h200-qwen3-8b"),
  engine: { enablePrefixCaching: false, maxNumSeqs: 4 },
});
const load = loadOverTime(run);

describe("loadOverTime", () => {
  it("never counts below zero, never runs more than the engine may, and ends with nothing", () => {
    expect(Math.min(...load.running, ...load.waiting)).toBe(0);
    expect(Math.max(...load.running)).toBe(4);
    expect([load.running.at(-1), load.waiting.at(-1)]).toEqual([0, 0]);
  });

  it("counts waiting from sending to admission and running to the last token's step, by hand", () => {
    // The client has a token 1 ms after its step ended.
    const byHand = runOf(
      [
        { sentMs: 0, admittedMs: 5, tokensMs: [20, 31] },
        { sentMs: 5, admittedMs: 30, tokensMs: [41] },
        { sentMs: 7, isRefused: true },
        {},
        { sentMs: 12 },
        { sentMs: 13, admittedMs: 14, tokensMs: [15], isComplete: false },
      ],
      50,
    );
    const { timesMs, running, waiting } = loadOverTime(byHand);
    expect([...timesMs]).toEqual([0, 5, 12, 13, 14, 30, 40, 50]);
    expect([...waiting]).toEqual([1, 1, 2, 3, 2, 1, 1, 1]);
    expect([...running]).toEqual([0, 1, 1, 1, 2, 2, 1, 0]);
  });

  it("counts what its client gave up on until the engine dropped it, a millisecond later", () => {
    const { timesMs, running, waiting } = loadOverTime(
      runOf(
        [
          { sentMs: 0, admittedMs: 5, tokensMs: [20], timedOutMs: 40 },
          { sentMs: 2, timedOutMs: 42 },
        ],
        60,
        40,
      ),
    );
    expect([...timesMs]).toEqual([0, 2, 5, 41, 43]);
    expect([...waiting]).toEqual([1, 2, 1, 1, 0]);
    expect([...running]).toEqual([0, 0, 1, 0, 0]);
  });

  it("is of one engine's requests where one is asked for", () => {
    const two = runOf(
      [
        { sentMs: 0, admittedMs: 0, tokensMs: [11], replica: 0 },
        { sentMs: 2, admittedMs: 3, tokensMs: [21], replica: 1 },
      ],
      30,
    );
    expect([...loadOverTime(two).running]).toEqual([1, 1, 2, 1, 0]);
    expect(loadOverTime(two, 0)).toEqual({
      timesMs: Float64Array.of(0, 10),
      running: Int32Array.of(1, 0),
      waiting: Int32Array.of(0, 0),
    });
    expect([...loadOverTime(two, 1).timesMs]).toEqual([2, 3, 20]);
  });

  it("has one entry an instant, in order", () => {
    for (let i = 1; i < load.timesMs.length; i++)
      expect(load.timesMs[i] as number).toBeGreaterThan(load.timesMs[i - 1] as number);
  });

  it("accounts for all waiting: its area is the sum of the requests' waits", () => {
    const area = load.timesMs.reduce(
      (sum, ms, i) =>
        i === 0 ? 0 : sum + (ms - (load.timesMs[i - 1] as number)) * (load.waiting[i - 1] as number),
      0,
    );
    const waits = run.admittedMs.reduce((sum, ms, i) => sum + ms - (run.fireMs[i] as number), 0);
    expect(waits).toBeGreaterThan(0);
    expect(area).toBeCloseTo(waits, 3);
  });
});
