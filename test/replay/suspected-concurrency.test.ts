import { describe, expect, it } from "vitest";
import { readCapture } from "../../lib/captures/index.js";
import { replay, suspectedConcurrency } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { BlockTable, type JsonValue, type Trace } from "../../lib/trace/index.js";
import { everyCost } from "../engine/linear-model.js";

/** Requests of one answered token, each from its arrival to its end. */
function traceOf(
  times: readonly (readonly [number, number])[],
  extra: Record<string, JsonValue> = {},
): Trace {
  return {
    meta: { extra },
    records: times.map(([arrivalMs, endMs]) => ({
      promptTokens: 16,
      outputTokens: 1,
      arrivalMs,
      ttftMs: endMs - arrivalMs,
      finishReason: "length",
    })),
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}

/** Workers that each send a request `ownMs` after their last answer, which takes `tookMs`. */
function workers(places: number, requests: number, ownMs: number, tookMs = 100): [number, number][] {
  return Array.from({ length: requests }, (_, i): [number, number] => {
    const round = Math.floor(i / places);
    const sentMs = ((i % places) * tookMs) / places + round * (tookMs + ownMs);
    return [sentMs, sentMs + tookMs];
  });
}

describe("a cap on requests in flight that a capture does not tell", () => {
  it.each([1, 3, 8])("of %d shows where each request follows the end of another at once", (places) => {
    expect(suspectedConcurrency(traceOf(workers(places, 60, 0.5)))).toBe(places);
  });

  it("is not suspected of clients that take their time", () => {
    expect(suspectedConcurrency(traceOf(workers(1, 60, 6)))).toBeUndefined();
    expect(suspectedConcurrency(traceOf(workers(1, 60, 4)))).toBe(1);
  });

  it("is not suspected of an open loop, with queue or without", () => {
    const every = (gapMs: number, tookMs: (i: number) => number) =>
      traceOf(Array.from({ length: 60 }, (_, i) => [i * gapMs, i * gapMs + tookMs(i)] as const));
    expect(suspectedConcurrency(every(300, () => 100))).toBeUndefined();
    expect(suspectedConcurrency(every(50, (i) => 100 + 20 * i))).toBeUndefined();
    expect(suspectedConcurrency(every(0, () => 100))).toBeUndefined();
  });

  it("is not suspected where more than one in ten arrivals found a place free", () => {
    const free = (share: number) =>
      traceOf(
        Array.from({ length: 100 }, (_, i): [number, number] => {
          const pair = Math.floor(i / 2) * 100;
          const isAlone = i % 2 === 1 && i / 2 < share * 50;
          return [pair + (i % 2) * 50 + (isAlone ? 51 : 0), pair + (i % 2) * 50 + (isAlone ? 52 : 100)];
        }),
      );
    expect(suspectedConcurrency(free(0))).toBe(2);
    expect(suspectedConcurrency(free(1))).toBeUndefined();
  });

  it("is not suspected of a few requests, or where ends or arrivals are not known", () => {
    expect(suspectedConcurrency(traceOf(workers(2, 29, 0.5)))).toBeUndefined();
    expect(suspectedConcurrency(traceOf(workers(2, 30, 0.5)))).toBe(2);
    const trace = traceOf(workers(2, 60, 0.5));
    const without = (key: "ttftMs" | "arrivalMs"): Trace => ({
      ...trace,
      records: trace.records.map(({ [key]: _, ...record }) => record),
    });
    expect(suspectedConcurrency(without("ttftMs"))).toBeUndefined();
    expect(suspectedConcurrency(without("arrivalMs"))).toBeUndefined();
  });

  it("is not suspected where the pacing is told", () => {
    for (const extra of [{ max_concurrency: 3 }, { pattern: "poisson" }])
      expect(suspectedConcurrency(traceOf(workers(3, 60, 0.5), extra))).toBeUndefined();
  });

  it("is not suspected of our captures of an open loop or of sessions, without their meta lines", async () => {
    const bare = async (scenario: string): Promise<Trace> => {
      const trace = await readCapture({ role: "judge", scenario });
      const records = trace.records.map(({ session: _, turn: __, ...record }) => record);
      return { ...trace, meta: { extra: {} }, records };
    };
    for (const scenario of ["warm", "cold", "poisson", "burst"])
      expect(suspectedConcurrency(await bare(scenario))).toBeUndefined();
  });

  it("is told by a replay that assumes an open loop, and by none that was told otherwise", () => {
    const workload = workloadOf(traceOf(workers(3, 60, 0.5)));
    const doubts = (options: { pacing?: "open-loop"; maxInFlight?: number }) =>
      replay(workload, { model: everyCost, ...options }).plan.assumptions.filter((a) => /at a time/.test(a));
    expect(doubts({})).toEqual([
      "an open loop, though the capture looks like 3 at a time: each request followed the end of another at once; --max-concurrency 3 replays it so",
    ]);
    expect(doubts({ pacing: "open-loop" })).toEqual([]);
    expect(doubts({ maxInFlight: 3 })).toEqual([]);
  });
});
