import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { type EngineRequest, onTimeouts, runEngines, simulate } from "../../lib/engine/index.js";
import { everyCost as model } from "./linear-model.js";
import { naiveEngine } from "./naive-engine.js";
import { workloads } from "./workloads.js";

const limits = fc.record({
  requestTimeoutMs: fc.integer({ min: 2, max: 500 }),
  onTimeout: fc.constantFrom(...onTimeouts),
});

describe("a client's time limit", () => {
  it("gives what the naive oracle gives: steps, tokens seen, give-ups, and an empty pool at the end", () => {
    let cut = 0;
    fc.assert(
      fc.property(workloads, limits, ({ requests, options }, { requestTimeoutMs, onTimeout }) => {
        const run = simulate({ requests, model, engine: options, requestTimeoutMs, onTimeout });
        const naive = naiveEngine(requests, options, model.timer(0), {
          timeoutMs: requestTimeoutMs,
          onTimeout,
        });
        const ids = requests.map((_, i) => i);
        expect([...run.fireMs]).toEqual(naive.fireMs);
        expect(ids.map((i) => run.timedOutMs(i))).toEqual(naive.timedOutMs);
        expect([...run.outputTokens]).toEqual(naive.outputTokens);
        expect([...run.firstStep]).toEqual(naive.firstStep);
        expect([...run.lastStep]).toEqual(naive.lastStep);
        expect([...run.cachedTokens]).toEqual(naive.cachedTokens);
        expect(run.preemptions).toBe(naive.preemptions);
        expect(run.steps.endMs.length).toBe(naive.stepEndMs.length);
        run.steps.endMs.forEach((ms, i) => {
          expect(ms).toBeCloseTo(naive.stepEndMs[i] as number, 6);
        });
        expect(naive.freeBlocks).toBe(options.kvCacheBlocks);
        cut += ids.filter((i) => run.timedOutMs(i) !== undefined).length;
      }),
      { numRuns: 1500 },
    );
    expect(cut).toBeGreaterThan(1000);
  });

  it("accounts for every request and frees every block, also behind a router and with scheduling one step ahead", () => {
    let seen = 0;
    fc.assert(
      fc.property(
        workloads,
        limits,
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        ({ requests, options }, { requestTimeoutMs, onTimeout }, replicas, asyncScheduling) => {
          const run = runEngines({
            requests,
            model,
            engine: { ...options, asyncScheduling },
            requestTimeoutMs,
            onTimeout,
            replicas,
            routing: (engines) => ({
              route: (request) => (request.promptTokens + engines[0]!.waiting) % replicas,
            }),
          });
          expect(run.heldBlocks).toBe(0);
          requests.forEach((request, i) => {
            const [firedMs, goneMs, lastMs] = [run.fireMs[i]!, run.timedOutMs(i), run.lastTokenMs(i)];
            if (Number.isNaN(firedMs)) {
              // Only what follows a request that was given up is never sent, where sessions end with it.
              expect(onTimeout).toBe("end-session");
              const parent = request.after!.parent;
              expect(run.timedOutMs(parent) !== undefined || Number.isNaN(run.fireMs[parent])).toBe(true);
              return;
            }
            // Sent = complete + given up.
            expect([goneMs, lastMs].filter((ms) => ms !== undefined).length).toBe(1);
            const times = new Float64Array(request.outputTokens);
            const tokens = run.tokenTimes(i, times, 0);
            expect(tokens).toBe(run.outputTokens[i]);
            const lastSeenMs = tokens > 0 ? times[tokens - 1]! : firedMs;
            expect(lastSeenMs).toBeLessThanOrEqual(firedMs + requestTimeoutMs);
            expect(run.firstTokenMs(i)).toBe(tokens > 0 ? times[0] : undefined);
            if (goneMs === undefined) return;
            seen++;
            expect(goneMs).toBe(firedMs + requestTimeoutMs);
            // Overheads on both ways are 3 ms: what is on its way is given up before the engine has it, or after.
            expect(run.leftMs(i)).toBeGreaterThanOrEqual(goneMs - 3);
            if (onTimeout === "end-session") return;
            requests.forEach((child, k) => {
              if (child.after?.parent === i) expect(run.fireMs[k]).toBe(goneMs + child.after.gapMs);
            });
          });
        },
      ),
      { numRuns: 500 },
    );
    expect(seen).toBeGreaterThan(500);
  });

  it("changes nothing where nobody reaches it, and nothing where it is infinite", () => {
    fc.assert(
      fc.property(workloads, fc.integer({ min: 1, max: 2 }), ({ requests, options }, replicas) => {
        const routing = () => ({ route: (request: EngineRequest) => request.promptTokens % replicas });
        const [without, ...others] = [undefined, 1e9, Number.POSITIVE_INFINITY].map((requestTimeoutMs) =>
          runEngines({
            requests,
            model,
            engine: options,
            replicas,
            routing,
            ...(requestTimeoutMs && { requestTimeoutMs }),
          }),
        );
        for (const run of others)
          for (const name of [
            "fireMs",
            "firstStep",
            "lastStep",
            "cachedTokens",
            "outputTokens",
            "endMs",
          ] as const)
            expect(run[name]).toEqual(without[name]);
      }),
      { numRuns: 200 },
    );
  });

  const request = (outputTokens: number, when: Partial<EngineRequest>): EngineRequest => ({
    promptTokens: 16,
    outputTokens,
    contentIds: Int32Array.from({ length: 64 }, (_, i) => i),
    ...when,
  });
  /** Arrival 1 ms, prefill of 16 tokens 3 + 8 + 1.28 ms, decodes about 3.3 ms, 2 ms to the client. */
  const one = (requestTimeoutMs: number, outputTokens = 10) =>
    simulate({ requests: [request(outputTokens, { fireAtMs: 100 })], model, requestTimeoutMs });

  it("keeps what came before the cut, and only that", () => {
    const whole = one(1000);
    const times = new Float64Array(10);
    whole.tokenTimes(0, times, 0);
    const tokensAt = (limitMs: number) => one(limitMs).outputTokens[0];
    expect([times[0]! - 100, times[0]! - 100 - 1e-6].map(tokensAt)).toEqual([1, 0]);
    expect(one(times[0]! - 100 - 1e-6).firstTokenMs(0)).toBeUndefined();
    expect(tokensAt(times[4]! - 100 + 1)).toBe(5);
    // The last token on the limit is in time; the engine is done 2 ms before the client has it.
    expect(one(times[9]! - 100).lastTokenMs(0)).toBe(times[9]);
    const late = one(times[9]! - 100 - 1);
    expect([late.outputTokens[0], late.lastTokenMs(0), late.timedOutMs(0)]).toEqual([
      9,
      undefined,
      100 + (times[9]! - 100 - 1),
    ]);
    expect(late.leftMs(0)).toBe(times[9]! - 2);
  });

  it("gives room to the next of a closed loop, whatever becomes of sessions", () => {
    for (const onTimeout of onTimeouts) {
      const requests = [1000, 2, 2].map((tokens) =>
        request(tokens, { inTurn: { maxInFlight: 1, gapMs: 5 } }),
      );
      const run = simulate({ requests, model, requestTimeoutMs: 200, onTimeout });
      expect(run.fireMs[1]).toBe(5 + 200 + 5);
      expect(run.timedOutMs(0)).toBe(205);
      expect(run.lastTokenMs(2)).toBeGreaterThan(run.lastTokenMs(1)!);
    }
  });

  it("drops a request at the end of the step in progress; one step later where steps are composed ahead", () => {
    const [sync, ahead] = [false, true].map((asyncScheduling) =>
      simulate({
        requests: [request(1000, { fireAtMs: 0 }), request(1000, { fireAtMs: 0 })],
        model,
        engine: { asyncScheduling },
        requestTimeoutMs: 100,
      }),
    );
    for (const [run, steps] of [
      [sync, 0],
      [ahead, 1],
    ] as const) {
      const after = run.steps.endMs.findIndex((ms) => ms >= 100);
      expect(run.leftMs(0)).toBe(run.steps.endMs[after + steps]);
    }
  });

  it("is not seen where the observation ends before it", () => {
    const requests = [request(1000, { fireAtMs: 0 }), request(1, { after: { parent: 0, gapMs: 0 } })];
    const run = simulate({ requests, model, requestTimeoutMs: 100, untilMs: 90 });
    expect([run.timedOutMs(0), run.fireMs[1], run.endMs >= 90]).toEqual([undefined, Number.NaN, true]);
    expect(run.outputTokens[0]).toBeGreaterThan(0);
    expect(run.heldBlocks).toBeGreaterThan(0);
  });

  it("must be a time above zero, and its word one that there is", () => {
    const requests = [request(1, { fireAtMs: 0 })];
    for (const requestTimeoutMs of [0, -1, Number.NaN, "67" as unknown as number])
      expect(() => simulate({ requests, model, requestTimeoutMs })).toThrow(InputError);
    expect(() =>
      simulate({ requests, model, requestTimeoutMs: 5, onTimeout: "retry" as unknown as "next-turn" }),
    ).toThrow('onTimeout must be one of next-turn, end-session, got "retry"');
  });
});
