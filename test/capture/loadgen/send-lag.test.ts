import { describe, expect, it } from "vitest";
import { summariseSendLag } from "../../../lib/capture/loadgen/send-lag.js";

describe("summariseSendLag", () => {
  it("sums up a run of any length", () => {
    const records = Array.from({ length: 500_000 }, (_, i) => ({
      promptTokens: 1,
      outputTokens: 1,
      extra: { send_lag_ms: i % 1_001 },
    }));
    expect(summariseSendLag(records)).toMatchObject({ n: 500_000, maxMs: 1_000 });
  });

  it("leaves out later turns, which wait for an answer anyway", () => {
    const sizes = { promptTokens: 1, outputTokens: 1 };
    const records = [
      { ...sizes, turn: 1, extra: { send_lag_ms: 2 } },
      { ...sizes, turn: 2, extra: { send_lag_ms: 900 } },
    ];
    expect(summariseSendLag(records)).toEqual({ n: 1, p50Ms: 2, p99Ms: 2, maxMs: 2 });
    expect(summariseSendLag([])).toBeUndefined();
  });
});
