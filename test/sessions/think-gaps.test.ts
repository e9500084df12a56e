import { describe, expect, it } from "vitest";
import {
  completionMs,
  inferSessions,
  thinkGapsFromDurations,
  thinkGapsMs,
  turnCohorts,
  workloadOf,
} from "../../lib/sessions/index.js";
import { traceOf } from "./trace-of.js";

const conversation = traceOf(
  { at: 0, end: 400, prompt: "s a" },
  { at: 1000, end: 1300, prompt: "s a A b" },
  { at: 1300, end: 1500, prompt: "s a A b B c" },
);

describe("thinkGapsMs", () => {
  it("is arrival minus the parent's completion, undefined for first turns", () => {
    expect(thinkGapsMs(workloadOf(conversation))).toEqual([undefined, 600, 0]);
  });

  it("is none where the child arrived before its parent's rounded times add up", () => {
    const rounded = traceOf({ at: 0, end: 100.05, prompt: "s a" }, { at: 100, end: 101, prompt: "s a A b" });
    expect(thinkGapsMs(workloadOf(rounded))).toEqual([undefined, 0]);
  });

  it("is undefined where the parent's latencies were not recorded", () => {
    const trace = traceOf({ at: 0, prompt: "s a" }, { at: 10, prompt: "s a A b" });
    const sessions = inferSessions(trace);
    expect(sessions.parent[1]).toBe(0);
    expect(thinkGapsMs({ trace, sessions })).toEqual([undefined, undefined]);
  });
});

describe("completionMs", () => {
  const base = { promptTokens: 1, outputTokens: 3, arrivalMs: 100 };
  it("is the last token where the request was complete", () => {
    expect(completionMs({ ...base, ttftMs: 5, itlMs: Float64Array.of(2, 3) })).toBe(110);
  });
  it("is the last thing known of a request that failed", () => {
    expect(completionMs({ ...base, ttftMs: 5, finishReason: "timeout", elapsedMs: 60 })).toBe(160);
    expect(completionMs({ ...base, elapsedMs: 60 })).toBe(160);
  });
  it("is undefined without arrival or latencies", () => {
    expect(completionMs({ promptTokens: 1, outputTokens: 3, ttftMs: 5 })).toBeUndefined();
    expect(completionMs(base)).toBeUndefined();
  });
});

describe("thinkGapsFromDurations", () => {
  it("takes the modeled duration off the interval of arrivals, and counts what it had to clip", () => {
    const sessions = inferSessions(conversation);
    expect(thinkGapsFromDurations({ trace: conversation, sessions }, [250, 900, 100])).toEqual({
      gapsMs: [undefined, 750, 0],
      clipped: 1,
      turns: 2,
    });
  });

  it("has no gap where the model has no duration", () => {
    const { gapsMs, turns } = thinkGapsFromDurations(workloadOf(conversation), [undefined, 100, 100]);
    expect(gapsMs).toEqual([undefined, undefined, 200]);
    expect(turns).toBe(1);
  });

  it("refuses durations of another trace", () => {
    expect(() => thinkGapsFromDurations(workloadOf(conversation), [1])).toThrow(
      "durationsMs must have one entry a record (3), got 1",
    );
  });
});

describe("turnCohorts", () => {
  it("splits records into first and later turns", () => {
    const { turn1, turns2plus } = turnCohorts(inferSessions(conversation));
    expect(Array.from(turn1)).toEqual([0]);
    expect(Array.from(turns2plus)).toEqual([1, 2]);
  });
});
