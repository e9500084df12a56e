import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chunkTokenDepth,
  lonePrefill,
  lonePrefillSteps,
  uncachedPromptTokens,
} from "../../lib/fit/prefill-chunks.js";

const tokens = fc.integer({ min: 1, max: 5000 });

describe("uncachedPromptTokens", () => {
  it("is what the cache did not have, and the last token at least", () => {
    expect(uncachedPromptTokens(100, 64)).toBe(36);
    expect(uncachedPromptTokens(100, 0)).toBe(100);
    expect(uncachedPromptTokens(96, 96)).toBe(1);
    expect(uncachedPromptTokens(96, 112)).toBe(1);
  });
});

describe("chunkTokenDepth", () => {
  it("is the mean depth times the tokens: of two chunks the same as of both at once", () => {
    expect(chunkTokenDepth(0, 10)).toBe(50);
    expect(chunkTokenDepth(10, 12)).toBe(22);
    fc.assert(
      fc.property(tokens, tokens, tokens, (a, b, c) => {
        const [start, middle, end] = [a, b, c].sort((x, y) => x - y);
        const whole = chunkTokenDepth(start, end);
        expect(chunkTokenDepth(start, middle) + chunkTokenDepth(middle, end)).toBeCloseTo(whole, 6);
      }),
    );
  });
});

describe("lonePrefill", () => {
  it("takes the budget a step, or the threshold where that is less", () => {
    expect(lonePrefill(1000, 0, 512).chunks).toBe(2);
    expect(lonePrefill(1024, 0, 512).chunks).toBe(2);
    expect(lonePrefill(1025, 0, 512).chunks).toBe(3);
    expect(lonePrefill(1000, 0, 512, 100).chunks).toBe(10);
    expect(lonePrefill(1000, 0, 512, 1).chunks).toBe(1000);
    expect(lonePrefill(1100, 0, 512, 600).chunks).toBe(3);
  });

  it("computes the tokens that were not cached, at their depth", () => {
    expect(lonePrefill(1000, 600, 512)).toEqual({
      chunks: 1,
      tokens: 400,
      tokenDepth: (1000 ** 2 - 600 ** 2) / 2,
    });
  });

  it("computes the last token of a prompt that is cached to its end", () => {
    expect(lonePrefill(96, 96, 512)).toEqual({ chunks: 1, tokens: 1, tokenDepth: 95.5 });
  });

  it("is the sum of its chunks, one after the other", () => {
    fc.assert(
      fc.property(tokens, tokens, fc.integer({ min: 1, max: 600 }), (a, b, budget) => {
        const [cached, prompt] = a < b ? [a, b] : [b, a];
        let chunks = 0;
        let depth = 0;
        for (let at = Math.min(cached, prompt - 1); at < prompt; chunks++) {
          const end = Math.min(prompt, at + budget);
          depth += chunkTokenDepth(at, end);
          at = end;
        }
        const whole = lonePrefill(prompt, cached, budget);
        expect(whole.chunks).toBe(chunks);
        expect(whole.tokenDepth).toBeCloseTo(depth, 6);
      }),
    );
  });
});

describe("lonePrefillSteps", () => {
  it("are the steps of lonePrefill: as many, with its tokens and their depth, none longer than a chunk may be", () => {
    fc.assert(
      fc.property(
        tokens,
        fc.integer({ min: 0, max: 5000 }),
        tokens,
        fc.integer({ min: 0, max: 600 }),
        (...of) => {
          const [, , budget, threshold] = of;
          const steps = lonePrefillSteps(...of);
          const sum = lonePrefill(...of);
          expect(steps).toHaveLength(sum.chunks);
          expect(steps.reduce((total, step) => total + step.prefillTokens, 0)).toBe(sum.tokens);
          expect(steps.reduce((total, step) => total + step.prefillTokenDepth, 0)).toBeCloseTo(
            sum.tokenDepth,
            6,
          );
          const longest = threshold > 0 ? Math.min(budget, threshold) : budget;
          for (const step of steps) expect(step.prefillTokens).toBeLessThanOrEqual(longest);
        },
      ),
      { numRuns: 200 },
    );
  });
});
