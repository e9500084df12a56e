import { describe, expect, it } from "vitest";
import { physicalModel } from "../../lib/latency/index.js";
import { recomputedPrefills, replay } from "../../lib/replay/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { simulateSteps, somePrices, traceOf } from "../fit/step-simulator.js";

describe("recomputedPrefills", () => {
  const requests = Array.from({ length: 6 }, (_, i) => ({
    arrivalMs: 10 * i,
    promptTokens: 100,
    outputTokens: 200,
  }));
  const { trace } = simulateSteps({ requests, prices: somePrices, maxNumBatchedTokens: 512 });
  const model = physicalModel({
    step: somePrices,
    overhead: { requestMs: 0, promptTokenMs: 0 },
    range: { uncachedTokens: [1, 1000], contextTokens: [1, 1000], runningSeqs: [1, 10] },
  });
  const replayed = (kvCacheBlocks: number) =>
    replay(
      { trace: traceOf(trace.records), sessions: inferSessions(trace) },
      { model, engine: { kvCacheBlocks, maxNumBatchedTokens: 512 } },
    );

  it("lists a prefill of prompt and emitted tokens for every return from preemption", () => {
    const starved = replayed(50);
    expect(starved.run.preemptions).toBeGreaterThan(0);
    const prefills = recomputedPrefills(starved);
    expect(prefills.length).toBe(starved.run.preemptions);
    for (const { endMs, tokens } of prefills) {
      expect(tokens).toBeGreaterThan(100);
      expect(tokens).toBeLessThan(300);
      expect(endMs).toBeLessThanOrEqual(starved.run.endMs);
    }
  });

  it("makes each one chunk of one step, whose tokens look back on half of them as a mean", () => {
    const { run, trace: modeled } = replayed(50);
    const prefills = recomputedPrefills({ run, trace: modeled });
    const again = run.recomputations();
    prefills.forEach((prefill, k) => {
      const tokens = 100 + again[k].emittedTokens;
      expect(prefill).toEqual({
        endMs: again[k].endMs,
        tokens,
        tokenDepth: (tokens * tokens) / 2,
        chunks: 1,
        steps: 1,
      });
    });
  });

  it("is empty where blocks are plenty", () => {
    expect(recomputedPrefills(replayed(1000))).toEqual([]);
  });
});
