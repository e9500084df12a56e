import { describe, expect, it } from "vitest";
import { readCapture } from "../../lib/captures/index.js";
import { engineOptions, lowerTiers, simulate } from "../../lib/engine/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { replay, tierUse } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { linearModel } from "../engine/linear-model.js";

describe("what came from behind the pool", () => {
  const ids = (first: number) => Int32Array.from({ length: 7 }, (_, b) => first + b);
  const [first, other] = [
    { promptTokens: 28, outputTokens: 1, contentIds: ids(0), fireAtMs: 0 },
    { promptTokens: 28, outputTokens: 1, contentIds: ids(100), fireAtMs: 1000 },
  ];
  const useOf = (cpuKvGbps: number) => {
    const model = linearModel({ base: 1, prefill: 0.5 });
    const engine = engineOptions({
      blockSize: 4,
      kvCacheBlocks: 7,
      maxNumBatchedTokens: 16,
      cpuKvGib: 1,
      cpuKvGbps,
      kvBytesPerToken: 2 ** 20,
    });
    const run = simulate({ requests: [first, other, { ...first, fireAtMs: 2000 }], model, engine });
    return tierUse(run, lowerTiers(engine), model, engine.maxNumBatchedTokens);
  };

  it("adds up to the cached tokens, the last one of a whole prompt being computed all the same", () => {
    const { poolTokens, lowerTokens, loads, loadedTokens } = useOf(1.048576);
    expect({ poolTokens, lowerTokens, loads, loadedTokens }).toEqual({
      poolTokens: 0,
      lowerTokens: { cpu: 27 },
      loads: 1,
      loadedTokens: 28,
    });
  });

  it("compares a transfer with computing as many tokens alone, in steps of the budget", () => {
    const slow = useOf(1.048576);
    expect(slow.transferMs).toBeCloseTo(0.1 + 28, 9);
    // Steps of 16 and 12 tokens.
    expect(slow.computingMs).toBeCloseTo(2 + 0.5 * 28, 9);
    expect(slow.computingIsFaster).toBe(1);
    expect(useOf(10 * 1.048576).computingIsFaster).toBe(0);
  });

  it("of a capture, finds in CPU memory what a pool too small has lost, and nothing where there is none", async () => {
    const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
    const model = latencyProfile("h200-qwen3-8b");
    const small = { kvCacheBlocks: 120 };
    const without = replay(workload, { model, engine: small });
    const withCpu = replay(workload, { model, engine: { ...small, cpuKvGib: 4 } });
    expect(without.tierUse).toBeUndefined();
    const cached = (of: typeof without) =>
      of.trace.records.reduce((sum, r) => sum + (r.cachedTokens ?? 0), 0);
    const { poolTokens, lowerTokens, loads } = withCpu.tierUse!;
    expect(loads).toBeGreaterThan(0);
    expect(poolTokens + lowerTokens.cpu!).toBe(cached(withCpu));
    expect(cached(withCpu)).toBeGreaterThan(cached(without));
    expect(withCpu.conditions.engine.from.kvBytesPerToken).toBe("profile");
  });
});
