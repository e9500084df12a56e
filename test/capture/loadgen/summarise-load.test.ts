import { describe, expect, it } from "vitest";
import { type LoadgenResult, runLoadgen, summariseLoad } from "../../../lib/capture/loadgen/index.js";
import { BlockTable, metaFromJson, type TraceRecord } from "../../../lib/trace/index.js";
import { optionsFor, start } from "./loadgen-rig.js";

const done = (ttftMs: number, more: Partial<TraceRecord> = {}): TraceRecord => ({
  promptTokens: 100,
  outputTokens: 2,
  arrivalMs: 0,
  ttftMs,
  itlMs: Float64Array.of(10),
  elapsedMs: ttftMs + 10,
  finishReason: "length",
  ...more,
});
const failed = (elapsedMs: number, finishReason: string, more: Partial<TraceRecord> = {}): TraceRecord => ({
  promptTokens: 100,
  outputTokens: 0,
  arrivalMs: 0,
  elapsedMs,
  finishReason,
  extra: { error: "x" },
  ...more,
});

function summary(records: readonly TraceRecord[]) {
  return summariseLoad({
    trace: {
      meta: metaFromJson({ model: "m", source: "loadgen", block_size: 16 }),
      records,
      blocks: new BlockTable(),
      rejected: [],
      warnings: [],
    },
    durationMs: 1000,
    loop: "open",
    notSent: 0,
    sendLag: undefined,
    stopped: false,
    warnings: [],
  } as unknown as LoadgenResult);
}

describe("summariseLoad", () => {
  it("has quantiles of type 7 where nothing failed, and then they are the survivors' too", () => {
    const { all } = summary([10, 20, 30, 40].map((ms) => done(ms))).cohorts;
    expect(all).toMatchObject({ n: 4, events: 4, censored: 0, ttft_ms: { p50: 25 } });
    expect(all.survivors).toMatchObject({ n: 4, ttft_ms: all.ttft_ms, itl_ms: all.itl_ms });
  });

  it("censors what timed out at its limit: the quantile is at least that of the complete, or not reached", () => {
    const records = [
      ...[10, 20, 30, 40, 50, 60, 70].map((ms) => done(ms)),
      ...Array(3).fill(failed(100, "timeout")),
    ];
    const { cohorts, failed: reasons, completed } = summary(records as TraceRecord[]);
    expect(completed).toBe(7);
    expect(reasons).toEqual({ timeout: 3 });
    // Of ten, five were there by 50 ms; the curve never falls below three tenths.
    expect(cohorts.all).toMatchObject({
      n: 10,
      events: 7,
      censored: 3,
      ttft_ms: { p50: 50, p90: null, p99: null },
    });
    expect(cohorts.all.survivors).toMatchObject({ n: 7, ttft_ms: { p50: 40 } });
    expect(cohorts.all.survivors.ttft_ms.p99).toBeCloseTo(69.4);
  });

  it("takes what broke off before its first token out of the risk at that time, not out of the sample", () => {
    // By hand: at 10 one of four, at 30 one of two (one left at 20), at 40 the last.
    const { all } = summary([done(10), failed(20, "disconnect"), done(30), done(40)]).cohorts;
    expect(all).toMatchObject({ n: 4, events: 3, censored: 1 });
    // S = 3/4, 3/8, 0: half is passed at 30.
    expect(all.ttft_ms.p50).toBe(30);
    expect(all.survivors.ttft_ms.p50).toBe(30);
    expect(all.survivors.n).toBe(3);
  });

  it("keeps the first token of an answer that broke off later: that was seen", () => {
    const { all } = summary([
      done(10),
      done(90, { finishReason: "disconnect", extra: { error: "x" } }),
    ]).cohorts;
    expect(all).toMatchObject({ n: 2, events: 2, censored: 0, ttft_ms: { p50: 50 } });
    expect(all.survivors).toMatchObject({ n: 1, ttft_ms: { p50: 10 } });
  });

  it("has null where nothing was seen", () => {
    const { all, turn1 } = summary([failed(5, "error")]).cohorts;
    expect(all).toMatchObject({ n: 1, events: 0, censored: 1, ttft_ms: { p50: null, p90: null, p99: null } });
    expect(all.survivors).toMatchObject({ n: 0, ttft_ms: { p50: null } });
    expect(turn1.n).toBe(0);
  });
});

describe("a run with failures in it", () => {
  it("says so beside the quantiles, in its warnings and in its table", async () => {
    const { url } = await start({
      behave: (n) => (n % 4 === 3 ? { kind: "silence" } : { kind: "answer", firstMs: 5 }),
    });
    const options = { pattern: "burst", burstSize: 8, durationMs: 1, timeoutMs: 300 } as const;
    const result = await runLoadgen(optionsFor(url, options));
    const { all } = summariseLoad(result).cohorts;
    expect(all).toMatchObject({ n: 8, events: 6, censored: 2, survivors: { n: 6 } });
    expect(all.ttft_ms.p90).toBeNull();
    expect(all.survivors.ttft_ms.p90).toBeGreaterThan(0);
    expect(result.warnings.join("\n")).toMatch(/Kaplan-Meier's of 8 requests, of which 2 had no first token/);
  });
});
