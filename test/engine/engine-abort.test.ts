import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEngine, type EngineCore } from "../../lib/engine/index.js";
import { latencyProfile } from "../../lib/latency/index.js";

const timer = latencyProfile("h200-qwen3-8b").timer(1);
const request = (promptTokens: number, outputTokens: number, firstId: number) => ({
  promptTokens,
  outputTokens,
  contentIds: Int32Array.from(
    { length: Math.ceil((promptTokens + outputTokens) / 16) },
    (_, i) => firstId + i,
  ),
});

/** One step; returns the slots that emitted a token and those that finished. */
function step(core: EngineCore): { emitted: number[]; finished: number[] } {
  if (core.beginStep() === undefined) return { emitted: [], finished: [] };
  const emitted: number[] = [];
  core.endStep((slot) => emitted.push(slot));
  const finished = [...core.finished];
  core.dropFinished();
  return { emitted, finished };
}

describe("aborting requests", () => {
  it("does not end a slot's next owner twice when both would have ended in the same step", () => {
    const core = createEngine({}, timer);
    core.submit(request(16, 100, 0), 0);
    const aborted = core.submit(request(16, 10, 100), 1);
    for (let i = 0; i < 3; i++) step(core);
    core.abort(aborted);
    expect(core.submit(request(16, 7, 200), 2)).toBe(aborted);
    for (let i = 3; i < 9; i++) expect(step(core).finished).toEqual([]);
    expect(step(core).finished).toEqual([aborted]);
    expect(core.runningCount).toBe(1);
  });

  it("leaves every other request its tokens, and no block behind, whatever is aborted when", () => {
    const action = fc.record({
      promptTokens: fc.integer({ min: 1, max: 200 }),
      outputTokens: fc.integer({ min: 1, max: 30 }),
      sharedId: fc.integer({ min: 0, max: 2 }),
      steps: fc.integer({ min: 0, max: 6 }),
      aborts: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 60 }), (actions) => {
        const core = createEngine({ kvCacheBlocks: 60, maxNumSeqs: 6, maxNumBatchedTokens: 64 }, timer);
        const left = new Map<number, number>();
        const run = () => {
          const { emitted, finished } = step(core);
          expect(new Set(emitted).size).toBe(emitted.length);
          for (const slot of emitted) left.set(slot, (left.get(slot) as number) - 1);
          for (const slot of finished) {
            expect(left.get(slot)).toBe(0);
            left.delete(slot);
          }
        };
        for (const { promptTokens, outputTokens, sharedId, steps, aborts } of actions) {
          left.set(core.submit(request(promptTokens, outputTokens, 1000 * sharedId), 0), outputTokens);
          for (let i = 0; i < steps; i++) run();
          const victim = [...left.keys()][aborts];
          if (victim === undefined) continue;
          core.abort(victim);
          left.delete(victim);
        }
        for (let i = 0; i < 5000 && left.size > 0; i++) run();
        expect(left.size).toBe(0);
        expect([core.runningCount, core.waitingCount, core.decodingCount, core.cache.freeBlocks]).toEqual([
          0, 0, 0, 60,
        ]);
      }),
      { numRuns: 300 },
    );
  });
});
