import { describe, expect, it } from "vitest";
import { readCapture } from "../../lib/captures/index.js";
import { capturedPacing, replay } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import type { JsonValue, Trace } from "../../lib/trace/index.js";
import { everyCost } from "../engine/linear-model.js";
import { multiturnTrace } from "./multiturn-trace.js";

const { trace } = multiturnTrace({
  sessions: 3,
  turns: 2,
  prefixTokens: 64,
  promptTokens: 20,
  outputTokens: 4,
});
/** The trace without recorded sessions, with these facts in its meta line. */
function anonymous(extra: Record<string, JsonValue> = {}): Trace {
  const records = trace.records.map(({ session: _, turn: __, ...record }) => record);
  return { ...trace, meta: { ...trace.meta, extra }, records };
}

describe("how a capture's client paced its requests", () => {
  it("is told by the load generator's pattern", () => {
    const of = (pattern: string) => capturedPacing(anonymous({ pattern }));
    for (const pattern of ["constant", "staircase", "sweep"])
      expect(of(pattern)).toEqual({ pacing: "closed-loop", from: "captured" });
    for (const pattern of ["poisson", "burst"])
      expect(of(pattern)).toEqual({ pacing: "open-loop", from: "captured" });
    expect(of("multiturn")).toEqual({ pacing: "session", from: "captured" });
  });

  it("is by sessions where sessions of several turns are recorded", () => {
    expect(capturedPacing({ ...trace, meta: { extra: {} } })).toEqual({
      pacing: "session",
      from: "captured",
    });
  });

  it("is assumed to be an open loop where nothing tells it, whatever the hashes say", () => {
    expect(capturedPacing(anonymous())).toEqual({ pacing: "open-loop", from: "assumed" });
    expect(capturedPacing(anonymous({ loop: "closed", pattern: "unheard of" })).from).toBe("assumed");
  });

  it("is a closed loop where a report tells how many requests were in flight at most", () => {
    const closed = { pacing: "closed-loop", from: "captured" };
    expect(capturedPacing(anonymous({ max_concurrency: 4 }))).toEqual(closed);
    expect(capturedPacing(anonymous({ max_concurrency: 1, request_rate: "inf" }))).toEqual(closed);
    const benchmarks = anonymous({ max_concurrency: [1, 4] });
    const records = benchmarks.records.map((record, i) => ({ ...record, extra: { benchmark: (i % 2) + 1 } }));
    expect(capturedPacing({ ...benchmarks, records })).toEqual(closed);
  });

  it("is assumed where a rate was asked for beside it, or the number is none", () => {
    const assumed = { pacing: "open-loop", from: "assumed" };
    expect(capturedPacing(anonymous({ max_concurrency: 4, request_rate: 2.5 }))).toEqual(assumed);
    for (const told of [0, 2.5, "4", null, [], [4], { most: 4 }])
      expect(capturedPacing(anonymous({ max_concurrency: told }))).toEqual(assumed);
    const records = trace.records.map(({ session: _, turn: __, ...record }) => ({
      ...record,
      extra: { benchmark: 2 },
    }));
    expect(capturedPacing({ ...trace, meta: { extra: { max_concurrency: [4] } }, records })).toEqual(assumed);
  });

  it("is by sessions where these are recorded beside it", () => {
    expect(capturedPacing({ ...trace, meta: { extra: { max_concurrency: 4 } } }).pacing).toBe("session");
  });

  it("is not by sessions where these are of one turn, or only one of session and turn is recorded", () => {
    const one = trace.records.find(({ turn }) => turn === 1)!;
    const later = trace.records.find(({ turn }) => turn === 2)!;
    const { session: _, ...withoutSession } = later;
    const { turn: __, ...withoutTurn } = later;
    for (const records of [[one, one], [withoutSession], [withoutTurn]])
      expect(capturedPacing({ ...trace, meta: { extra: {} }, records })).toEqual({
        pacing: "open-loop",
        from: "assumed",
      });
    expect(capturedPacing({ ...trace, meta: { extra: {} }, records: [one, later] }).pacing).toBe("session");
  });

  it("is the pacing that is told before the pattern, and the pattern where no pacing is", () => {
    expect(capturedPacing(anonymous({ pacing: "session", pattern: "poisson" }))).toEqual({
      pacing: "session",
      from: "captured",
    });
    expect(capturedPacing(anonymous({ pacing: "some other", pattern: "constant" }))).toEqual({
      pacing: "closed-loop",
      from: "captured",
    });
  });

  it("of a trace that a replay wrote is that of the replay", () => {
    for (const pacing of ["open-loop", "closed-loop", "session"] as const) {
      const written = replay(workloadOf(trace), { model: everyCost, pacing }).trace;
      expect(capturedPacing(written)).toEqual({ pacing, from: "captured" });
    }
  });

  it("is what the shipped captures were driven by", async () => {
    for (const [scenario, pacing] of [
      ["warm", "session"],
      ["poisson", "open-loop"],
      ["burst", "open-loop"],
      ["staircase", "closed-loop"],
    ] as const)
      expect(capturedPacing(await readCapture({ role: "judge", scenario }))).toEqual({
        pacing,
        from: "captured",
      });
  });
});
