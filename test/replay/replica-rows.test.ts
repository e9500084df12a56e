import { describe, expect, it } from "vitest";
import { latencyProfile } from "../../lib/latency/index.js";
import { replay, replicaRows } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { multiturnTrace } from "./multiturn-trace.js";

const shape = { sessions: 12, turns: 4, prefixTokens: 320, promptTokens: 200, outputTokens: 40 };

describe("rows of replicas", () => {
  const replayed = replay(workloadOf(multiturnTrace({ ...shape, betweenSessionsMs: 1 }).trace), {
    model: latencyProfile("h200-qwen3-8b"),
    engine: { maxNumSeqs: 2 },
    replicas: 3,
    router: "sticky",
  });
  const rows = replicaRows(replayed);
  const { records } = replayed.trace;

  it("are those of each replica's own requests", () => {
    expect(rows.map(({ replica }) => replica)).toEqual([0, 1, 2]);
    for (const { replica, requests, promptTokens, hitShare, ttftMs } of rows) {
      const own = records.filter((record) => record.replica === String(replica));
      expect(requests).toBe(own.length);
      expect(promptTokens).toBe(own.reduce((sum, record) => sum + record.promptTokens, 0));
      const cached = own.reduce((sum, record) => sum + (record.cachedTokens ?? 0), 0);
      expect(hitShare).toBeCloseTo(cached / promptTokens, 12);
      const sorted = own.map((record) => record.ttftMs as number).sort((a, b) => a - b);
      expect(ttftMs.p50).toBeGreaterThanOrEqual(sorted[0]);
      expect(ttftMs.p99).toBeLessThanOrEqual(sorted[sorted.length - 1]);
    }
  });

  it("share out the run's busy time, and tell the most that waited at any moment", () => {
    const { run, virtualMs } = replayed;
    const busyMs = rows.reduce((sum, { busyShare }) => sum + busyShare * virtualMs, 0);
    expect(busyMs).toBeCloseTo(run.busyMs, 6);
    for (const { replica, peakWaiting } of rows) {
      const own = [...run.replica.keys()].filter((i) => run.replica[i] === replica);
      const waitingAt = (ms: number) =>
        own.filter((i) => run.fireMs[i] <= ms && !(run.admittedMs[i] <= ms)).length;
      expect(peakWaiting).toBe(Math.max(...own.map((i) => waitingAt(run.fireMs[i]))));
    }
    expect(Math.max(...rows.map(({ peakWaiting }) => peakWaiting))).toBeGreaterThan(0);
  });
});
