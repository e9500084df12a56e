import { describe, expect, it } from "vitest";
import { type LiveRequest, WallClockEngine } from "../../lib/capture/serve/wall-clock-engine.js";
import { type EngineOptions, simulate } from "../../lib/engine/index.js";
import type { LatencyModel } from "../../lib/latency/index.js";
import { afterTest, eventually } from "./scratch.js";

/** Sums of powers of two: both clocks add them up without rounding. */
const model: LatencyModel = {
  kind: "fixed",
  range: { uncachedTokens: [0, 1e6], contextTokens: [0, 1e6], runningSeqs: [0, 1e6] },
  timer: () => ({
    stepMs: ({ prefillTokens, decodeSeqs }) => 2 + prefillTokens / 64 + decodeSeqs / 8,
    arrivalOverheadMs: (promptTokens) => promptTokens / 16,
    emissionOverheadMs: () => 0,
  }),
  toJson: () => ({ kind: "fixed" }),
};

/** Prompts of different lengths that share beginnings, of which the longer ones take longer to the scheduler. */
const requests = Array.from({ length: 40 }, (_, i) => {
  const promptTokens = 100 + ((i * 197) % 600);
  const outputTokens = 1 + ((i * 31) % 120);
  const blocks = Math.ceil((promptTokens + outputTokens) / 16);
  const family = i % 3;
  const contentIds = Int32Array.from({ length: blocks }, (_, d) =>
    d < 6 ? family * 6 + d : 100 + i * 100 + d,
  );
  return { promptTokens, outputTokens, contentIds, fireAtMs: ((i * 53) % 40) * 8 };
});

function wallClock(engine: Partial<EngineOptions>, timeScale = 200): WallClockEngine {
  const served = new WallClockEngine({ engine, model, timeScale, seed: 1 });
  afterTest(() => served.stop());
  return served;
}

describe("an engine by the wall clock", () => {
  it.each([
    ["one step after the other", { asyncScheduling: false }],
    ["with an asynchronous scheduler", { asyncScheduling: true }],
  ])("gives every token when the simulation does, %s, late as its timers may be", async (_, scheduling) => {
    // A pool in which requests wait, and are preempted.
    const engine = { kvCacheBlocks: 64, maxNumSeqs: 6, maxNumBatchedTokens: 256, ...scheduling };
    const run = simulate({ requests, model, engine });
    const expected = requests.map(({ outputTokens }, i) => {
      const gapsMs = new Float64Array(outputTokens - 1);
      run.tokenGaps(i, gapsMs, 0);
      let atMs = run.firstTokenMs(i) as number;
      return [atMs, ...gapsMs.map((gapMs) => (atMs += gapMs))];
    });
    const served = wallClock(engine);
    const originMs = Math.ceil(served.nowMs()) + 1000;
    const tokensMs = requests.map((): number[] => []);
    const cachedTokens = new Array<number>(requests.length).fill(-1);
    requests.forEach(({ fireAtMs, ...request }, i) => {
      served.submit({
        ...request,
        arrivedMs: originMs + fireAtMs,
        events: {
          admitted: (_, found) => (cachedTokens[i] = cachedTokens[i] < 0 ? found : cachedTokens[i]),
          token: (atMs) => tokensMs[i].push(atMs - originMs),
        },
      });
    });
    const isOver = () => tokensMs.every(({ length }, i) => length === requests[i].outputTokens);
    await eventually("all tokens are out", isOver);
    expect(tokensMs).toEqual(expected);
    expect(cachedTokens).toEqual([...run.cachedTokens]);
    expect(run.preemptions).toBeGreaterThan(0);
    expect(served.running).toBe(0);
  });

  it("has a clock that runs as many times as fast as it is told", async () => {
    const served = wallClock({}, 20);
    const [outerMs, fromMs, innerMs] = [performance.now(), served.nowMs(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 30));
    const [innerEndMs, toMs, outerEndMs] = [performance.now(), served.nowMs(), performance.now()];
    expect(toMs - fromMs).toBeGreaterThanOrEqual(20 * (innerEndMs - innerMs));
    expect(toMs - fromMs).toBeLessThanOrEqual(20 * (outerEndMs - outerMs));
  });

  it("gives the place of a request that is given up to one that waits", async () => {
    const served = wallClock({ kvCacheBlocks: 8, maxNumSeqs: 1 });
    const tokens = [0, 0];
    const submit = (which: 0 | 1, outputTokens: number) =>
      served.submit({
        promptTokens: 32,
        outputTokens,
        contentIds: Int32Array.of(4 * which, 4 * which + 1, 4 * which + 2, 4 * which + 3, 90, 91, 92, 93),
        arrivedMs: served.nowMs(),
        events: { token: () => tokens[which]++ },
      } satisfies LiveRequest);
    const giveUp = submit(0, 64);
    submit(1, 3);
    await eventually("the first runs", () => tokens[0] > 0);
    expect(tokens[1]).toBe(0);
    giveUp();
    const before = tokens[0];
    await eventually("the second is over", () => tokens[1] === 3);
    expect(tokens[0]).toBe(before);
    expect([served.running, served.waiting, served.freeBlocks]).toEqual([0, 0, 8]);
  });
});
