import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { type ObservedStep, type ReconstructOptions, reconstructSteps } from "../../lib/fit/index.js";
import type { TraceRecord } from "../../lib/trace/index.js";
import { recordOf, timedRecord } from "./record-of.js";
import { fittingSweep, simulateSteps, somePrices, traceOf } from "./step-simulator.js";

const budget = 512;

describe("reconstructSteps", () => {
  it("recovers the load of every visible step of a noiseless engine", () => {
    const { trace, loads } = simulateSteps({
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const { steps } = reconstructSteps(trace, { maxNumBatchedTokens: budget });
    const sure = steps.filter((step) => step.durationMs !== undefined && step.doubt === undefined);
    const decoding = loads.filter((load) => load.decodeSeqs > 0);
    expect(sure.length).toBeGreaterThan(0.97 * decoding.length);
    const key = (load: object) => JSON.stringify(load);
    const simulated = new Set(decoding.map(key));
    const wrong = sure.filter((step) => !simulated.has(key(step.load)));
    expect(wrong.length).toBe(0);
  });

  it("tells of every step of any workload what it computed, or that it is in doubt", () => {
    const request = fc.record({
      arrivalMs: fc.integer({ min: 20, max: 600 }),
      promptTokens: fc.integer({ min: 1, max: 700 }),
      cachedShare: fc.constantFrom(0, 0, 0.3, 0.9, 1),
      outputTokens: fc.integer({ min: 1, max: 40 }),
    });
    let known = 0;
    let doubted = 0;
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(64, 200, 512),
        (drawn, maxNumBatchedTokens) => {
          // One request decodes beside the others, so that no step is hidden while it does.
          const beside = { arrivalMs: 0, promptTokens: 1, cachedTokens: 0, outputTokens: 300 };
          const requests = drawn.map(({ cachedShare, ...rest }) => ({
            ...rest,
            cachedTokens: Math.min(rest.promptTokens - 1, Math.floor(cachedShare * rest.promptTokens)),
          }));
          const { trace, loads, ends } = simulateSteps({
            requests: [beside, ...requests],
            prices: somePrices,
            maxNumBatchedTokens,
          });
          const visible = ends
            .map((end, s) => ({ ...end, load: loads[s] }))
            .filter(({ emitted }) => emitted > 0);
          const { steps, firstStep } = reconstructSteps(trace);
          expect(steps.length).toBe(visible.length);
          const lastBeside = firstStep[trace.records.findIndex((r) => r.outputTokens === 300)] + 299;
          steps.forEach(({ endMs, emitted, load, durationMs, doubt }, s) => {
            expect(endMs).toBeCloseTo(visible[s].ms, 6);
            expect(emitted).toBe(visible[s].emitted);
            expect(load.decodeSeqs).toBe(visible[s].load.decodeSeqs);
            expect(load.decodeContextTokens).toBe(visible[s].load.decodeContextTokens);
            if (durationMs === undefined || s > lastBeside) return;
            expect(durationMs).toBeCloseTo(visible[s].ms - visible[s - 1].ms, 6);
            if (doubt !== undefined) doubted++;
            else {
              known++;
              expect(load).toEqual(visible[s].load);
            }
          });
        },
      ),
      { numRuns: 30 },
    );
    expect(doubted / (known + doubted)).toBeLessThan(0.02);
  });

  it("conserves tokens: every token of every request is emitted in exactly one step", () => {
    const { trace } = simulateSteps({
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const { steps } = reconstructSteps(trace, { maxNumBatchedTokens: budget });
    const emitted = steps.reduce((sum, step) => sum + step.emitted, 0);
    expect(emitted).toBe(trace.records.reduce((sum, record) => sum + record.outputTokens, 0));
  });

  it("keeps its place when the client's clock jitters by a third of a step", () => {
    const random = stream(3, "jitter");
    const noise = stream(3, "noise");
    const simulation = {
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
      noise: () => 1 + 0.05 * noise.normal(),
      jitterMs: () => 2 * random.uniform(),
    };
    const { trace, loads } = simulateSteps(simulation);
    const { steps } = reconstructSteps(trace, { maxNumBatchedTokens: budget });
    const seqSteps = (all: readonly { decodeSeqs: number }[], n: number) =>
      all.filter((load) => load.decodeSeqs === n).length;
    for (let n = 1; n <= 8; n++) {
      const simulated = seqSteps(loads, n);
      const found = seqSteps(
        steps.map((step) => step.load),
        n,
      );
      expect(Math.abs(found - simulated), `${n} sequences: ${found} of ${simulated}`).toBeLessThanOrEqual(
        Math.max(2, 0.03 * simulated),
      );
    }
  });

  it("keeps its place when two tokens come in one chunk, and leaves those gaps without a time", () => {
    const { trace } = simulateSteps({
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const merged = trace.records.map((record, i) => {
      const gaps = Array.from(record.itlMs!);
      if (i % 3 !== 0 || gaps.length < 8) return record;
      const [third, fourth] = gaps.splice(2, 2);
      gaps.splice(2, 0, third! + fourth!);
      const itlTokens = Int32Array.from(gaps, (_, k) => (k === 2 ? 2 : 1));
      return { ...record, itlMs: Float64Array.from(gaps), itlTokens };
    });
    const whole = reconstructSteps(trace, { maxNumBatchedTokens: budget });
    const { steps, firstStep } = reconstructSteps(traceOf(merged), { maxNumBatchedTokens: budget });
    expect(Array.from(firstStep)).toEqual(Array.from(whole.firstStep));
    expect(steps.map(({ load }) => load)).toEqual(whole.steps.map(({ load }) => load));
    steps.forEach(({ durationMs }, s) => {
      if (durationMs !== undefined) expect(durationMs).toBeCloseTo(whole.steps[s].durationMs!, 6);
    });
    const untimed = steps.filter(
      ({ durationMs }, s) => durationMs === undefined && whole.steps[s].durationMs! > 0,
    );
    expect(untimed.length).toBeGreaterThan(0);
  });

  it("finds the same steps in records of any order", () => {
    const request = fc.record({
      arrivalMs: fc.integer({ min: 20, max: 200 }),
      promptTokens: fc.integer({ min: 1, max: 300 }),
      outputTokens: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(request, { minLength: 2, maxLength: 8 }), (requests) => {
        const { trace } = simulateSteps({ requests, prices: somePrices, maxNumBatchedTokens: 64 });
        const backwards = { ...trace, records: [...trace.records].reverse() };
        // Requests that arrive together are taken in the order of the trace.
        fc.pre(new Set(requests.map(({ arrivalMs }) => arrivalMs)).size === requests.length);
        expect(reconstructSteps(backwards).steps).toEqual(reconstructSteps(trace).steps);
      }),
      { numRuns: 30 },
    );
  });

  it("doubts the steps during the life of a request whose tokens were not timed", () => {
    const { trace } = simulateSteps({
      requests: [
        { arrivalMs: 0, promptTokens: 100, outputTokens: 50 },
        { arrivalMs: 1000, promptTokens: 100, outputTokens: 50 },
      ],
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const failed = {
      promptTokens: 300,
      outputTokens: 0,
      arrivalMs: 1100,
      elapsedMs: 150,
      finishReason: "error",
    };
    const { steps } = reconstructSteps(traceOf([...trace.records, failed], budget));
    const doubtful = steps.filter((step) => step.doubt !== undefined);
    expect(doubtful.length).toBeGreaterThan(10);
    for (const step of doubtful) {
      expect(step.endMs).toBeGreaterThanOrEqual(1100);
      expect(step.endMs).toBeLessThanOrEqual(1270);
    }
  });

  it("refuses a budget that is no positive integer", () => {
    expect(() => reconstructSteps(traceOf([]), { maxNumBatchedTokens: 0 })).toThrow(/maxNumBatchedTokens/);
    expect(reconstructSteps(traceOf([]), { maxNumBatchedTokens: 1 }).steps).toEqual([]);
  });
});

describe("reconstructSteps beside one request that decodes a token every 10 ms", () => {
  const gapsMs = Array.from({ length: 30 }, () => 10);
  /** Its token k comes in step k, at 10 (k + 1) ms. */
  const beside = timedRecord(0, 10, gapsMs, { promptTokens: 10 });
  const reconstruct = (others: readonly TraceRecord[], options: ReconstructOptions = {}) =>
    reconstructSteps(traceOf([beside, ...others], 100), options).steps;
  /** Step, tokens and chunks of the others' prefills. */
  const prefills = (steps: readonly ObservedStep[]) =>
    steps.flatMap(({ load }, s) =>
      s > 0 && load.prefillSeqs > 0 ? [[s, load.prefillTokens, load.prefillSeqs]] : [],
    );
  const doubts = (steps: readonly ObservedStep[]) =>
    steps.flatMap(({ doubt }, s) => (doubt === undefined ? [] : [[s, doubt]]));
  const from = (first: number, last: number, doubt: string) =>
    Array.from({ length: last - first + 1 }, (_, i) => [first + i, doubt]);

  it("says when each step ended, how long it took, what it emitted and what it decoded", () => {
    const steps = reconstruct([timedRecord(5, 45.5, [9, 11.5], { promptTokens: 20 })]);
    expect(steps).toHaveLength(31);
    expect(steps[0]).toMatchObject({ endMs: 10, durationMs: undefined, emitted: 1 });
    expect(steps[0].load).toMatchObject({ decodeSeqs: 0, decodeContextTokens: 0 });
    expect(steps[3]).toMatchObject({ endMs: 40, durationMs: 10, emitted: 1 });
    expect(steps[3].load).toMatchObject({ decodeSeqs: 1, decodeContextTokens: 13 });
    // Its tokens come at 50.5, 59.5 and 71 ms.
    expect(steps[4]).toMatchObject({ endMs: 50, durationMs: 10, emitted: 2 });
    expect(steps[4].load).toMatchObject({ decodeSeqs: 1, prefillTokens: 20, decodeContextTokens: 14 });
    expect(steps[5]).toMatchObject({ endMs: 59.5, durationMs: 9.5, emitted: 2 });
    expect(steps[5].load).toMatchObject({ decodeSeqs: 2, prefillTokens: 0, decodeContextTokens: 15 + 21 });
    expect(steps[6]).toMatchObject({ endMs: 70, durationMs: 10.75, emitted: 2 });
    expect(doubts(steps)).toEqual([]);
  });

  it("allots a prefill backwards from its first token, the budget less the decodes a step", () => {
    const steps = reconstruct([timedRecord(105, 35, [10, 10], { promptTokens: 250 })]);
    expect(prefills(steps)).toEqual([
      [11, 99, 1],
      [12, 99, 1],
      [13, 52, 1],
    ]);
    expect(steps[11].load.prefillTokenDepth).toBe(99 ** 2 / 2);
    expect(steps[12].load.prefillTokenDepth).toBe((198 ** 2 - 99 ** 2) / 2);
    expect(steps[13].load.prefillTokenDepth).toBe((250 ** 2 - 198 ** 2) / 2);
    expect(doubts(steps)).toEqual([]);
  });

  it("takes no more steps than fill up exactly", () => {
    const steps = reconstruct([timedRecord(105, 35, [10], { promptTokens: 198 })]);
    expect(prefills(steps)).toEqual([
      [12, 99, 1],
      [13, 99, 1],
    ]);
    expect(doubts(steps)).toEqual([]);
  });

  it.each([2, 3])(
    "gives nothing to a prefill in a step that %i more decodes fill, and goes on before it",
    (n) => {
      // With a budget of three, steps have room for two tokens beside the one decode, and step 11 for none.
      const filling = Array.from({ length: n }, () => timedRecord(109, 1, [10], { promptTokens: 1 }));
      const request = timedRecord(95, 35, [10], { promptTokens: 4 });
      const steps = reconstruct([request, ...filling], { maxNumBatchedTokens: 3 });
      expect(prefills(steps).filter(([s]) => s >= 10)).toEqual([
        [10, 2, 1],
        [12, 2, 1],
      ]);
      expect(steps[12].doubt).toBeUndefined();
    },
  );

  it("starts after what was cached, and computes the last token at least", () => {
    const cached = reconstruct([timedRecord(105, 25, [10], { promptTokens: 250, cachedTokens: 80 })]);
    expect(prefills(cached)).toEqual([
      [11, 99, 1],
      [12, 71, 1],
    ]);
    expect(cached[11].load.prefillTokenDepth).toBe((179 ** 2 - 80 ** 2) / 2);
    const all = reconstruct([timedRecord(105, 15, [10], { promptTokens: 96, cachedTokens: 96 })]);
    expect(prefills(all)).toEqual([[11, 1, 1]]);
    expect(all[11].load.prefillTokenDepth).toBe(95.5);
  });

  it("cuts chunks at the threshold where one is set, and takes the budget from options first", () => {
    const request = timedRecord(105, 45, [10], { promptTokens: 230 });
    expect(prefills(reconstruct([request], { longPrefillTokenThreshold: 60 })).map(([, t]) => t)).toEqual([
      60, 60, 60, 50,
    ]);
    const short = timedRecord(105, 45, [10], { promptTokens: 4 });
    expect(prefills(reconstruct([short], { longPrefillTokenThreshold: 1 })).map(([, t]) => t)).toEqual([
      1, 1, 1, 1,
    ]);
    expect(prefills(reconstruct([request], { maxNumBatchedTokens: 501 }))).toEqual([[14, 230, 1]]);
    const untold = reconstructSteps(traceOf([beside, { ...request, promptTokens: 2100 }])).steps;
    expect(prefills(untold)).toEqual([
      [13, 2047, 1],
      [14, 53, 1],
    ]);
    expect(() => reconstruct([], { longPrefillTokenThreshold: -1 })).toThrow(/longPrefillTokenThreshold/);
  });

  it("shares a step's budget between prefills, first come first served", () => {
    const steps = reconstruct([
      timedRecord(105, 15, [10], { promptTokens: 60 }),
      timedRecord(106, 24, [10], { promptTokens: 70 }),
    ]);
    expect(prefills(steps)).toEqual([
      [11, 99, 2],
      [12, 31, 1],
    ]);
  });

  it("hides the chunks of a prefill that was alone: only those after a decode are known", () => {
    const steps = reconstructSteps(traceOf([timedRecord(0, 40, [10], { promptTokens: 250 })], 100)).steps;
    expect(steps[0].load).toMatchObject({ prefillTokens: 100, prefillSeqs: 1 });
    expect(steps[0].load.prefillTokenDepth).toBe((250 ** 2 - 150 ** 2) / 2);
    expect(doubts(steps)).toEqual([]);
    // It came while another decoded, whose last token was over before: steps without a token may lie between.
    const after = timedRecord(15, 45, [10], { promptTokens: 250 });
    const both = reconstructSteps(traceOf([timedRecord(0, 10, [10, 10], { promptTokens: 10 }), after], 100));
    expect(prefills(both.steps)).toEqual([[3, 100, 1]]);
    expect(doubts(both.steps)).toEqual([]);
  });

  it("lets a prefill begin in what another left of a step, where it had arrived by then", () => {
    const before = timedRecord(80, 30, [], { promptTokens: 69 });
    const request = (arrivalMs: number) =>
      timedRecord(arrivalMs, 140 - arrivalMs, [10], { promptTokens: 250 });
    const inLeftOver = [
      [10, 99, 2],
      [11, 99, 1],
      [12, 99, 1],
      [13, 22, 1],
    ];
    const early = reconstruct([before, request(90)]);
    expect(prefills(early)).toEqual(inLeftOver);
    expect(doubts(early)).toEqual([]);
    // Nobody's first token took less than 10 ms: one that came 9 ms before the step may have missed it.
    const close = reconstruct([before, request(91)]);
    expect(prefills(close)).toEqual(inLeftOver);
    expect(doubts(close)).toEqual(from(10, 13, "a prefill may have begun in either of two steps"));
    const justInTime = reconstruct([before, request(100)]);
    expect(prefills(justInTime)).toEqual(inLeftOver);
    const late = reconstruct([before, request(101)]);
    expect(prefills(late)).toEqual([
      [10, 69, 1],
      [11, 99, 1],
      [12, 99, 1],
      [13, 52, 1],
    ]);
    expect(doubts(late)).toEqual([]);
    const failed = recordOf({ arrivalMs: 201, elapsedMs: 5, outputTokens: 0 });
    expect(doubts(reconstruct([before, request(91), failed]))).toEqual([
      ...doubts(close),
      [20, "an untimed request was in flight"],
    ]);
  });

  it("lets it begin there in the second step of all as well", () => {
    const early = timedRecord(0, 90, gapsMs, { promptTokens: 10 });
    const { steps } = reconstructSteps(
      traceOf(
        [
          early,
          timedRecord(70, 30, [], { promptTokens: 69 }),
          timedRecord(80, 50, [10], { promptTokens: 250 }),
        ],
        100,
      ),
    );
    expect(steps[0].endMs).toBe(90);
    expect(prefills(steps)).toEqual([
      [1, 99, 2],
      [2, 99, 1],
      [3, 99, 1],
      [4, 22, 1],
    ]);
  });

  it("doubts when it began where one token was left, and not where none was", () => {
    const beginning = (left: number) => [
      timedRecord(80, 30, [], { promptTokens: 99 - left }),
      timedRecord(91, 49, [10], { promptTokens: 250 }),
    ];
    const one = reconstruct(beginning(1));
    expect(prefills(one)[0]).toEqual([10, 99, 2]);
    expect(doubts(one)).toEqual(from(10, 13, "a prefill may have begun in either of two steps"));
    const none = reconstruct(beginning(0));
    expect(prefills(none)[0]).toEqual([10, 99, 1]);
    expect(doubts(none)).toEqual([]);
  });

  it("lets it begin no earlier than such that it would have ended a step before", () => {
    // Three short ones leave 30 tokens of step 10; step 9 has 30 left as well.
    const short = Array.from({ length: 3 }, () => timedRecord(80, 30, [], { promptTokens: 23 }));
    const before = timedRecord(70, 30, [], { promptTokens: 69 });
    const steps = reconstruct([before, ...short, timedRecord(80, 60, [10], { promptTokens: 250 })]);
    expect(prefills(steps)).toEqual([
      [9, 69, 1],
      [10, 99, 4],
      [11, 99, 1],
      [12, 99, 1],
      [13, 22, 1],
    ]);
  });

  it("doubts a prefill that would have begun before its request arrived", () => {
    const request = (arrivalMs: number) =>
      timedRecord(arrivalMs, 140 - arrivalMs, [10], { promptTokens: 250 });
    expect(doubts(reconstruct([request(110)]))).toEqual([]);
    expect(doubts(reconstruct([request(111)]))).toEqual(
      from(11, 13, "a prefill began before its request arrived"),
    );
  });

  it("doubts a prefill that ended later than the budget says", () => {
    const steps = reconstruct([
      timedRecord(114, 26, [10], { promptTokens: 99 }),
      timedRecord(115, 25, [10], { promptTokens: 50 }),
    ]);
    expect(doubts(steps)).toEqual(from(12, 13, "a prefill ended later than the scheduler's rule says"));
  });

  it("doubts the steps of a request that is more than half a gap away from the others' tokens", () => {
    const reason = "tokens do not line up";
    expect(doubts(reconstruct([timedRecord(90, 15, [10, 10, 10], { promptTokens: 10 })]))).toEqual([]);
    const odd = doubts(reconstruct([timedRecord(90, 11, [1, 1, 1, 1], { promptTokens: 10 })]));
    const [[first]] = odd as [number, string][];
    expect(odd).toEqual(from(first, first + 4, reason));
    // Of gaps of 8 ms from a step on, the third token is 4 ms off and the median.
    const gapsOf = (ms: number) => timedRecord(90, 10, [ms, ms, ms, ms], { promptTokens: 10 });
    expect(doubts(reconstruct([gapsOf(8)]))).toEqual([]);
    expect(doubts(reconstruct([gapsOf(7.9)]))).toEqual(from(9, 13, reason));
  });

  it("has nothing to doubt of a lone token, whose pace nobody knows", () => {
    expect(doubts(reconstruct([timedRecord(90, 14, [], { promptTokens: 10 })]))).toEqual([]);
    expect(doubts(reconstruct([recordOf({ arrivalMs: 90, ttftMs: 14, promptTokens: 10 })]))).toEqual([]);
  });

  it("doubts the steps from an untimed request's arrival to its end", () => {
    const reason = "an untimed request was in flight";
    const failed = (given: Partial<TraceRecord>) =>
      doubts(reconstruct([recordOf({ outputTokens: 0, ...given })]));
    expect(failed({ arrivalMs: 105, elapsedMs: 30 })).toEqual(from(10, 13, reason));
    expect(failed({ arrivalMs: 110, elapsedMs: 30 })).toEqual(from(10, 13, reason));
    expect(failed({ arrivalMs: 110.5, elapsedMs: 30 })).toEqual(from(11, 14, reason));
    expect(failed({ arrivalMs: 105, ttftMs: 10, outputTokens: 3 })).toEqual(from(10, 11, reason));
    expect(failed({ arrivalMs: 105 })).toEqual(from(10, 10, reason));
    expect(failed({ arrivalMs: 110 })).toEqual(from(10, 10, reason));
    expect(failed({ arrivalMs: 100.5 })).toEqual(from(10, 10, reason));
    expect(failed({ arrivalMs: 0, elapsedMs: 5 })).toEqual(from(0, 0, reason));
    expect(failed({ arrivalMs: 0, elapsedMs: 25 })).toEqual(from(0, 2, reason));
    expect(failed({ arrivalMs: 295, elapsedMs: 500 })).toEqual(from(29, 30, reason));
    expect(failed({ elapsedMs: 30 })).toEqual([]);
  });

  it("keeps the first reason to doubt a step", () => {
    const steps = reconstruct([
      recordOf({ outputTokens: 0, arrivalMs: 125, elapsedMs: 1 }),
      timedRecord(111, 29, [10], { promptTokens: 250 }),
    ]);
    expect(doubts(steps)).toEqual([
      [11, "a prefill began before its request arrived"],
      [12, "an untimed request was in flight"],
      [13, "a prefill began before its request arrived"],
    ]);
  });
});
