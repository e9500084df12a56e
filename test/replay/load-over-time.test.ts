import { describe, expect, it } from "vitest";
import { latencyProfile } from "../../lib/latency/index.js";
import { loadOverTime, simulateSessions } from "../../lib/replay/index.js";
import { planSessions } from "../../lib/workload/index.js";

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
