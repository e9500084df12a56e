import { describe, expect, it } from "vitest";
import {
  cohortIndices,
  completedCount,
  countOutcomes,
  summarizeCohort,
  summarizeCohorts,
  ttftObservation,
  ttftSurvival,
} from "../../lib/cohorts/index.js";
import { kaplanMeier, pointwiseBand, quantileOf } from "../../lib/survival/index.js";
import { BlockTable, isAnswered, isComplete, type TraceRecord, totalMs } from "../../lib/trace/index.js";

const answered = (ttftMs: number, finishReason?: string): TraceRecord => ({
  promptTokens: 100,
  outputTokens: 2,
  ttftMs,
  itlMs: Float64Array.of(10),
  ...(finishReason !== undefined && { finishReason }),
});

describe("a request's TTFT as survival data", () => {
  it("is observed with a first token, censored while it waited, and unknown where an answer came at once and whole", () => {
    const shape = { promptTokens: 100, outputTokens: 0 };
    expect(ttftObservation(answered(50))).toEqual({ timeMs: 50, observed: true });
    expect(ttftObservation({ ...shape, elapsedMs: 700, finishReason: "timeout" })).toEqual({
      timeMs: 700,
      observed: false,
    });
    expect(
      ttftObservation({ ...shape, outputTokens: 2, elapsedMs: 700, finishReason: "stop" }),
    ).toBeUndefined();
    expect(ttftObservation(shape)).toBeUndefined();
  });

  it("leaves quantiles as they are when answers that were not streamed are among them", () => {
    const streamed = Array.from({ length: 10 }, (_, i) => answered(50 + i, "stop"));
    const whole = streamed.map(
      ({ promptTokens, outputTokens }): TraceRecord => ({
        promptTokens,
        outputTokens,
        elapsedMs: 400,
        finishReason: "stop",
      }),
    );
    const both = summarizeCohort([...streamed, ...whole]);
    expect(both).toMatchObject({ n: 10, censored: 0 });
    expect(both.ttftMs).toEqual(summarizeCohort(streamed).ttftMs);
  });
});

/** Two sessions of three turns and one of one; every fourth request timed out at its TTFT's time. */
const turns = Int32Array.of(1, 2, 3, 1, 2, 3, 1);
const sessions = {
  parent: Int32Array.of(-1, 0, 1, -1, 3, 4, -1),
  turn: turns,
  session: Int32Array.of(0, 0, 0, 1, 1, 1, 2),
};
const waits = [10, 20, 30, 40, 50, 60, 70];
const records = waits.map(
  (ms, i): TraceRecord =>
    i % 4 === 3
      ? { promptTokens: 100, outputTokens: 0, elapsedMs: ms, finishReason: "timeout" }
      : answered(ms, "stop"),
);
const trace = { meta: { extra: {} }, records, blocks: new BlockTable(), rejected: [], warnings: [] };

describe("turn cohorts", () => {
  it("are all requests, first turns, and every later turn", () => {
    expect(cohortIndices(sessions, "all")).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(cohortIndices(sessions, "turn1")).toEqual([0, 3, 6]);
    expect(cohortIndices(sessions, "turns2plus")).toEqual([1, 2, 4, 5]);
  });

  it("are summed up each from its own requests: plain quantiles, or the curve's where some were censored", () => {
    const { all, turn1, turns2plus } = summarizeCohorts({ trace, sessions });
    expect([all.n, all.censored, turn1.n, turn1.censored, turns2plus.n, turns2plus.censored]).toEqual([
      7, 1, 3, 1, 4, 0,
    ]);
    expect(turns2plus.ttftMs.p50).toBe(40);
    const curve = kaplanMeier({ times: waits, observed: waits.map((_, i) => i % 4 !== 3) });
    expect(all.ttftMs).toEqual({
      p50: quantileOf(curve, 0.5),
      p90: quantileOf(curve, 0.9),
      p99: quantileOf(curve, 0.99),
    });
    expect(turns2plus.totalMs.p50).toBe(50);
    expect(turns2plus.itlMs.p50).toBe(10);
  });

  it("have a survival curve with a 95 % log-log band and the table's median, of requests that tell a wait", () => {
    const silent: TraceRecord = { promptTokens: 1, outputTokens: 2, elapsedMs: 5, finishReason: "stop" };
    const more = { ...trace, records: [...records.slice(0, 6), silent] };
    const found = ttftSurvival({ trace: more, sessions }, "all");
    expect([found.n, found.censored, found.cohort]).toEqual([6, 1, "all"]);
    const band = pointwiseBand(found.curve, { level: 0.95, transform: "log-log" });
    expect([...found.lower]).toEqual([...band.lower]);
    expect([...found.upper]).toEqual([...band.upper]);
    expect(found.medianMs).toBe(summarizeCohort(more.records).ttftMs.p50);
    expect(ttftSurvival({ trace, sessions }, "turns2plus").medianMs).toBe(40);
  });

  it("counts requests that delivered all their output", () => {
    expect(completedCount(trace)).toBe(6);
  });
});

describe("isAnswered", () => {
  it("needs no latencies, isComplete does", () => {
    const { ttftMs: _, itlMs: __, ...untimed } = answered(5, "stop");
    expect([isAnswered(untimed), isComplete(untimed)]).toEqual([true, false]);
    expect(isAnswered({ ...untimed, outputTokens: 0 })).toBe(false);
    expect(isAnswered({ ...untimed, finishReason: "abort" })).toBe(false);
  });
});

describe("isComplete", () => {
  it("takes every finish reason of a whole answer, and none of a failure", () => {
    for (const reason of ["stop", "length", "tool_calls", "function_call", "content_filter", undefined]) {
      expect(isComplete(answered(5, reason))).toBe(true);
      expect(totalMs(answered(5, reason))).toBe(15);
    }
    for (const reason of ["error", "abort", "timeout", "disconnect", "truncated", "unfinished", "refused"])
      expect(isComplete(answered(5, reason))).toBe(false);
  });
});

describe("what became of requests", () => {
  it("is counted once each: sent = complete + cut before or after a first token + unanswered", () => {
    const shape = { promptTokens: 100, outputTokens: 0 };
    const records: TraceRecord[] = [
      answered(50, "stop"),
      answered(60),
      answered(70, "timeout"),
      { ...shape, elapsedMs: 900, finishReason: "timeout" },
      { ...shape, elapsedMs: 900, finishReason: "timeout" },
      // Not streamed: a part of the answer had come, at a time that nothing tells.
      { ...shape, outputTokens: 3, elapsedMs: 900, finishReason: "timeout" },
      { ...shape, elapsedMs: 5, finishReason: "refused" },
      { ...shape, finishReason: "never sent" },
    ];
    expect(countOutcomes(records)).toEqual({
      requests: 8,
      sent: 7,
      completed: 2,
      timedOutBeforeFirstToken: 2,
      timedOutAfterFirstToken: 2,
      unanswered: 1,
      neverSent: 1,
    });
    // What was never sent waited for nothing; the wait of what was cut is known up to the cut.
    const { n, censored, ttftMs } = summarizeCohort(records);
    expect([n, censored, ttftMs.p50]).toEqual([6, 3, 70]);
  });
});
