import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deriveStepContext, type TraceRecord } from "../../lib/trace/index.js";

/** A request that decodes in steps `first` to `last` of an engine whose step k ends at `stepEndMs(k)`. */
interface Window {
  readonly first: number;
  readonly last: number;
  readonly prompt: number;
  readonly cached: number;
}

const stepEndMs = (k: number) => 100 + 10 * k + (k % 3);

function recordsOf(
  windows: readonly Window[],
  jitterMs: (request: number, step: number) => number,
): TraceRecord[] {
  return windows.map(({ first, last, prompt, cached }, r) => {
    const timeOf = (step: number) => stepEndMs(step) + jitterMs(r, step);
    const itlMs = Float64Array.from(
      { length: last - first },
      (_, i) => timeOf(first + i + 1) - timeOf(first + i),
    );
    return {
      promptTokens: prompt,
      cachedTokens: cached,
      outputTokens: last - first + 1,
      arrivalMs: 0,
      ttftMs: timeOf(first),
      itlMs,
    };
  });
}

const windowOf = fc
  .record({
    first: fc.nat(20),
    length: fc.nat(15),
    prompt: fc.integer({ min: 1, max: 500 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ first, length, prompt, share }) => ({
    first,
    last: first + length,
    prompt,
    cached: Math.floor(prompt * share),
  }));

describe("deriveStepContext", () => {
  it("finds running requests and finished prefill tokens of every step, whatever jitter below an eighth of a step", () => {
    fc.assert(
      fc.property(
        fc.array(windowOf, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (windows, jitters) => {
          const jitter = new Map<string, number>();
          const records = recordsOf(windows, (r, step) => {
            const key = `${r}/${step}`;
            if (!jitter.has(key)) jitter.set(key, jitters.next().value as number);
            return jitter.get(key)!;
          });
          deriveStepContext(records).forEach(({ itlCtx }, r) => {
            const { first, last } = windows[r]!;
            for (let step = first + 1; step <= last; step++) {
              const running = windows.filter((w) => w.first <= step && step <= w.last).length;
              const prefill = windows.reduce(
                (sum, w) => sum + (w.first === step ? w.prompt - w.cached : 0),
                0,
              );
              expect(itlCtx!.numRunning[step - first - 1]).toBe(running);
              expect(itlCtx!.prefillTokens[step - first - 1]).toBe(prefill);
            }
          });
        },
      ),
    );
  });

  it("sees the stall of a prefill in the gap that it stretched", () => {
    // Two requests on one engine: the second one's prefill of 277 - 16 tokens ends in the first one's second gap.
    const [a, b] = deriveStepContext([
      {
        promptTokens: 10,
        cachedTokens: 0,
        outputTokens: 4,
        arrivalMs: 0,
        ttftMs: 50,
        itlMs: Float64Array.of(10, 90, 10),
      },
      {
        promptTokens: 277,
        cachedTokens: 16,
        outputTokens: 2,
        arrivalMs: 55,
        ttftMs: 95.4,
        itlMs: Float64Array.of(10),
      },
    ]);
    expect([...a!.itlCtx!.prefillTokens]).toEqual([0, 261, 0]);
    expect([...a!.itlCtx!.numRunning]).toEqual([1, 2, 2]);
    expect([...b!.itlCtx!.numRunning]).toEqual([2]);
    expect([...b!.itlCtx!.prefillTokens]).toEqual([0]);
  });

  it("counts the whole prompt of a request whose cached tokens are not known", () => {
    const [a] = deriveStepContext([
      { promptTokens: 10, outputTokens: 2, arrivalMs: 0, ttftMs: 50, itlMs: Float64Array.of(40) },
      { promptTokens: 300, outputTokens: 1, arrivalMs: 10, ttftMs: 80 },
    ]);
    expect([...a!.itlCtx!.prefillTokens]).toEqual([300]);
  });

  it("leaves records without arrival, first token or gaps as they are", () => {
    const bare: TraceRecord[] = [
      { promptTokens: 10, outputTokens: 2, ttftMs: 50, itlMs: Float64Array.of(40) },
      { promptTokens: 10, outputTokens: 0, arrivalMs: 5, finishReason: "timeout" },
      { promptTokens: 10, outputTokens: 1, arrivalMs: 5, ttftMs: 3 },
    ];
    expect(deriveStepContext(bare)).toEqual(bare);
  });
});
