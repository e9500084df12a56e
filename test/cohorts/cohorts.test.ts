import { describe, expect, it } from "vitest";
import { summarizeCohort, ttftObservation } from "../../lib/cohorts/index.js";
import { isAnswered, isComplete, type TraceRecord, totalMs } from "../../lib/trace/index.js";

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
