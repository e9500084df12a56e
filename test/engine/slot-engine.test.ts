import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EngineRequest, engineOptions, simulate } from "../../lib/engine/index.js";
import { everyCost as model } from "./linear-model.js";
import { naiveSlots } from "./naive-slots.js";
import { workloads } from "./workloads.js";

const slots = { prefixReuse: "slots", blockSize: 4, maxNumBatchedTokens: 256 } as const;

/** A conversation's turn: the first `prompt` tokens of a chain that begins with `prefix` shared blocks. */
function turn(name: number, prefix: number, promptTokens: number, fireAtMs: number): EngineRequest {
  const outputTokens = 9;
  const contentIds = Int32Array.from({ length: (promptTokens + outputTokens) >> 2 }, (_, b) =>
    b < prefix ? b : 1000 * name + b,
  );
  return { promptTokens, outputTokens, contentIds, fireAtMs };
}

function cached(requests: readonly EngineRequest[], maxNumSeqs: number, more = {}): number[] {
  return [...simulate({ requests, model, engine: { ...slots, maxNumSeqs, ...more } }).cachedTokens];
}

describe("llama.cpp's slots", () => {
  it("keep prompt and answer but for the last token, and use them for the next turn", () => {
    expect(cached([turn(1, 0, 64, 0), turn(1, 0, 96, 1000)], 1)).toEqual([0, 64 + 9 - 1]);
  });

  it("always compute at least the prompt's last token", () => {
    expect(cached([turn(1, 0, 64, 0), turn(1, 0, 64, 1000)], 1)).toEqual([0, 63]);
  });

  it("find a prefix only in an idle slot, and forget the conversation that they held", () => {
    const shared = 12;
    // The second conversation takes the slot for its prefix; the first one's next turn finds only the prefix there.
    const taken = [turn(1, shared, 64, 0), turn(2, shared, 64, 1000), turn(1, shared, 96, 2000)];
    expect(cached(taken, 2)).toEqual([0, 48, 48]);
    // While the first one runs, its prefix cannot be found from the other slot.
    expect(cached([turn(1, shared, 64, 0), turn(2, shared, 64, 1)], 2)).toEqual([0, 0]);
    // A pool of blocks finds it in both cases.
    expect(cached(taken, 2, { prefixReuse: "blocks" })).toEqual([0, 48, 72]);
  });

  it("are taken by the one idle for longest when none holds more than a tenth of the prompt", () => {
    const strangers = [turn(1, 0, 64, 0), turn(2, 0, 64, 1000), turn(3, 0, 64, 2000)];
    const returns = (name: number) => cached([...strangers, turn(name, 0, 96, 3000)], 2)[3];
    expect(returns(1)).toBe(0);
    expect(returns(2)).toBe(72);
    expect(returns(3)).toBe(72);
  });

  it("give the budget to the slot with the lowest number, not to the request that came first", () => {
    // Unused slots are taken from the last: the later request sits in front of the earlier one.
    const run = simulate({
      requests: [turn(1, 0, 600, 0), turn(2, 0, 200, 1)],
      model,
      engine: { ...slots, maxNumSeqs: 2 },
    });
    expect(run.firstStep[1]).toBeLessThan(run.firstStep[0] as number);
  });

  it("find nothing without a cache", () => {
    expect(cached([turn(1, 0, 64, 0), turn(1, 0, 96, 1000)], 1, { enablePrefixCaching: false })).toEqual([
      0, 0,
    ]);
  });

  it("give the same steps, tokens and hits as the naive loop on random workloads", () => {
    fc.assert(
      fc.property(workloads, ({ requests, options: given }) => {
        const options = engineOptions({
          ...given,
          prefixReuse: "slots",
          kvCacheBlocks: 100_000,
          longPrefillTokenThreshold: 0,
        });
        const run = simulate({ requests, model, engine: options });
        const naive = naiveSlots(requests, options, model.timer(0));
        expect([...run.cachedTokens]).toEqual(naive.cachedTokens);
        expect([...run.firstStep]).toEqual(naive.firstStep);
        expect([...run.lastStep]).toEqual(naive.lastStep);
        run.steps.endMs.forEach((ms, i) => {
          expect(ms).toBeCloseTo(naive.stepEndMs[i] as number, 6);
        });
        expect(run.preemptions).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });

  it("each have their part of the pool: a request that needs more is refused, and nothing is preempted", () => {
    const requests = [turn(1, 0, 64, 0), turn(2, 0, 30, 0), turn(3, 0, 31, 0)];
    const engine = { ...slots, maxNumSeqs: 2, kvCacheBlocks: 20 };
    const run = simulate({ requests, model, engine });
    expect(run.refused).toEqual([0]);
    expect(run.lastStep[1]).toBeGreaterThan(0);
    expect(run.lastStep[2]).toBeGreaterThan(0);
    expect(run.preemptions).toBe(0);
  });
});
