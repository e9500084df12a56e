import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCapture } from "../../lib/captures/index.js";
import { type EngineRequest, simulate } from "../../lib/engine/index.js";
import { planReplay, replay } from "../../lib/replay/index.js";
import { inferSessions, workloadOf } from "../../lib/sessions/index.js";
import { everyCost as model } from "../engine/linear-model.js";
import { multiturnTrace } from "./multiturn-trace.js";

const { trace } = multiturnTrace({
  sessions: 8,
  turns: 2,
  prefixTokens: 32,
  promptTokens: 20,
  outputTokens: 5,
});
const sessions = inferSessions(trace);

describe("a closed loop", () => {
  it("sends in order, never more than there are places, each one as soon as there is one and its gap is over", () => {
    const request = fc.record({
      promptTokens: fc.integer({ min: 1, max: 60 }),
      outputTokens: fc.integer({ min: 1, max: 12 }),
      maxInFlight: fc.integer({ min: 1, max: 4 }),
      gapMs: fc.constantFrom(0, 0, 3, 40),
    });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 25 }), (drawn) => {
        const requests = drawn.map(
          ({ promptTokens, outputTokens, maxInFlight, gapMs }, i): EngineRequest => ({
            promptTokens,
            outputTokens,
            contentIds: Int32Array.from({ length: 10 }, (_, b) => 10 * i + b),
            inTurn: { maxInFlight, gapMs },
          }),
        );
        const run = simulate({ requests, model });
        const endMs = [...run.lastStep].map((step, i) => run.steps.endMs[step] + run.emissionMs[i]);
        let sentMs = 0;
        requests.forEach(({ inTurn }, i) => {
          // The obvious implementation: the first moment at which few enough of the earlier ones are unfinished.
          const before = endMs.slice(0, i).sort((a, b) => a - b);
          const mustEnd = i - (inTurn as { maxInFlight: number }).maxInFlight + 1;
          const roomMs = mustEnd <= 0 ? 0 : before[mustEnd - 1];
          sentMs = Math.max(sentMs, roomMs) + (inTurn as { gapMs: number }).gapMs;
          expect(run.fireMs[i]).toBeCloseTo(sentMs, 6);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("goes on when a request is refused", () => {
    const requests: EngineRequest[] = [40, 4000, 40].map((promptTokens) => ({
      promptTokens,
      outputTokens: 1,
      contentIds: new Int32Array(400),
      inTurn: { maxInFlight: 1, gapMs: 0 },
    }));
    const run = simulate({ requests, model, engine: { kvCacheBlocks: 10 } });
    expect(run.refused).toEqual([1]);
    expect(run.lastStep[2]).toBeGreaterThan(run.lastStep[0]);
  });

  it("of so many in flight has so many in flight, whatever the capture had", () => {
    for (const maxInFlight of [1, 3]) {
      const { trace: modeled } = replay({ trace, sessions }, { model, maxInFlight });
      const most = Math.max(...modeled.records.map(({ concurrency }) => concurrency ?? 0));
      expect(most).toBe(maxInFlight);
    }
  });

  it("of a captured staircase has as many places as the load generator had workers, stair by stair", async () => {
    const staircase = await readCapture({ role: "judge", scenario: "staircase" });
    const plan = planReplay(workloadOf(staircase));
    const places = plan.requests.map(({ inTurn }) => inTurn?.maxInFlight);
    expect([...new Set(places)]).toEqual([1, 2, 4, 8, 16]);
    staircase.records.forEach(({ concurrency = 0 }, i) => {
      expect(concurrency).toBeLessThanOrEqual(16);
      expect(places[i]).toBeGreaterThanOrEqual(1);
    });
  });

  it("wants a pacing that is one, and a place at least", () => {
    const plan = (options: object) => planReplay({ trace, sessions }, { ...options });
    expect(() => plan({ pacing: "session", maxInFlight: 2 })).toThrow(
      /maxInFlight is for pacing "closed-loop"/,
    );
    expect(() => plan({ pacing: "closed-loop", maxInFlight: 0 })).toThrow(/maxInFlight/);
  });
});
