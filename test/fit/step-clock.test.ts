import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alignSteps } from "../../lib/fit/step-clock.js";

/** Tokens of steps `first` to `last` of an engine whose steps end every 10 ms. */
function tokens(first: number, last: number, shiftMs = 0): Float64Array {
  return Float64Array.from({ length: last - first + 1 }, (_, k) => 10 * (first + k) + shiftMs);
}

function align(...emissions: (Float64Array | undefined)[]) {
  const { steps, firstStep, misfitMs, endMs } = alignSteps(emissions);
  return {
    steps,
    firstStep: Array.from(firstStep),
    misfitMs: Array.from(misfitMs),
    endMs: Array.from(endMs),
  };
}

describe("alignSteps", () => {
  it("gives requests that decode together the same steps", () => {
    const { steps, firstStep, misfitMs } = align(tokens(2, 6, 1), tokens(0, 8), tokens(5, 9, 2));
    expect(steps).toBe(10);
    expect(firstStep).toEqual([2, 0, 5]);
    expect(misfitMs).toEqual([1, 0, 2]);
  });

  it("lets a step end with the first of its tokens", () => {
    expect(align(tokens(0, 4, 1), tokens(2, 4, 0.5)).endMs).toEqual([1, 11, 20.5, 30.5, 40.5]);
    expect(align(tokens(0, 4), tokens(2, 4, 0.5)).endMs).toEqual([0, 10, 20, 30, 40]);
  });

  it("takes the median distance to the others' tokens as the misfit", () => {
    const jittered = Float64Array.from([20.1, 30.2, 44.9, 50.3, 60]);
    expect(align(tokens(0, 9), jittered).misfitMs[1]).toBeCloseTo(0.2, 9);
  });

  it("places nothing without times", () => {
    expect(align(undefined, new Float64Array(0), tokens(0, 2))).toEqual({
      steps: 3,
      firstStep: [-1, -1, 0],
      misfitMs: [0, 0, 0],
      endMs: [0, 10, 20],
    });
    expect(align().steps).toBe(0);
  });

  it("starts a step for a first token that comes half a gap after the last, and not for an earlier one", () => {
    expect(align(tokens(0, 10), tokens(10, 13, 4.9)).firstStep[1]).toBe(10);
    expect(align(tokens(0, 10), tokens(10, 13, 5)).firstStep[1]).toBe(11);
    expect(align(tokens(0, 10), tokens(10, 11, 4.9)).firstStep[1]).toBe(10);
    expect(align(tokens(0, 10), tokens(10, 13)).firstStep[1]).toBe(10);
    expect(align(tokens(0, 10), tokens(11, 13)).firstStep[1]).toBe(11);
  });

  it("starts a step for a lone token that comes after all others", () => {
    expect(align(tokens(0, 10), tokens(10, 10, 0.5)).firstStep[1]).toBe(11);
    expect(align(tokens(0, 10), tokens(10, 10)).firstStep[1]).toBe(10);
    expect(align(tokens(0, 10), tokens(10, 10, -0.5)).firstStep[1]).toBe(10);
  });

  it("counts the tokens before the first known one: they came in one chunk with it", () => {
    const first = Float64Array.from([Number.NaN, Number.NaN, 20, 30]);
    expect(align(first)).toMatchObject({ firstStep: [0], endMs: [Number.NaN, Number.NaN, 20, 30] });
    const chunked = Float64Array.from([Number.NaN, 30, 40, 50]);
    expect(align(tokens(0, 8), chunked)).toMatchObject({ firstStep: [0, 2], misfitMs: [0, 0] });
    const after = Float64Array.from([Number.NaN, 110, 120]);
    expect(align(tokens(0, 9), after)).toMatchObject({ firstStep: [0, 9], steps: 12 });
  });

  it("never places a token before the first step", () => {
    const chunked = Float64Array.from([Number.NaN, Number.NaN, 10, 20, 30]);
    expect(align(tokens(0, 8), chunked)).toMatchObject({ firstStep: [0, 0], misfitMs: [0, 10], steps: 9 });
  });

  it("skips tokens inside a chunk when it compares", () => {
    const chunked = Float64Array.from([20, Number.NaN, Number.NaN, 50.5, 60.5]);
    expect(align(tokens(0, 8), chunked)).toMatchObject({ firstStep: [0, 2], misfitMs: [0, 0.5] });
  });

  it("takes a request's pace from the gaps that are known", () => {
    const chunked = Float64Array.from([115, Number.NaN, Number.NaN, 145, 155]);
    expect(align(tokens(0, 10), chunked).firstStep[1]).toBe(11);
  });

  it("takes its pace from the first 48 tokens: of 47 gaps the middle one", () => {
    // 23 gaps of 10 ms and 24 of 20 ms, and then 10 ms again: 8 ms after the last step is less than half a gap.
    const gapsMs = Array.from({ length: 60 }, (_, k) => (k >= 23 && k < 47 ? 20 : 10));
    let now = 108;
    const times = Float64Array.from([now, ...gapsMs.map((gap) => (now += gap))]);
    expect(align(tokens(0, 10), times).firstStep[1]).toBe(10);
    expect(align(tokens(0, 10), times.slice(0, 24)).firstStep[1]).toBe(11);
  });

  it("knows the place of a token between steps whose times are not known", () => {
    const holes = Float64Array.from({ length: 40 }, (_, k) => (k % 5 === 0 ? 10 * k : Number.NaN));
    for (const first of [5, 10, 15, 20, 30]) {
      const request = Float64Array.from({ length: 9 }, (_, k) =>
        k % 5 === 0 ? 10 * (first + k) : Number.NaN,
      );
      expect(align(holes, request).firstStep[1], `from step ${first}`).toBe(first);
    }
  });

  it("is not misled by a first token up to three steps off, where those after it line up", () => {
    const withFirst = (firstMs: number) => {
      const times = tokens(20, 35);
      times[0] = firstMs;
      return times;
    };
    for (const off of [-3, -2, -1, 1, 2, 3])
      expect(align(tokens(0, 60), withFirst(200 + 10 * off)).firstStep[1], `${off} steps off`).toBe(20);
    for (const off of [-4, 4])
      expect(align(tokens(0, 60), withFirst(200 + 10 * off)).firstStep[1], `${off} steps off`).not.toBe(20);
  });

  it("looks three steps ahead of the first step, and no further", () => {
    const asIfInFirst = (first: number) => tokens(first, first + 15).map((ms, k) => (k === 0 ? 0 : ms));
    expect(align(tokens(0, 60), asIfInFirst(3)).firstStep[1]).toBe(3);
    expect(align(tokens(0, 60), asIfInFirst(4)).firstStep[1]).not.toBe(4);
  });

  it("compares the last step with a token that came after others in its chunk", () => {
    expect(align(tokens(0, 8), Float64Array.of(Number.NaN, 80))).toMatchObject({
      steps: 9,
      firstStep: [0, 7],
      misfitMs: [0, 0],
    });
  });

  it("compares the first 48 tokens: later ones may slip", () => {
    const slipping = (agreeing: number) => {
      const times = tokens(50, 250);
      return times.map((ms, k) => (k < agreeing ? ms : ms + 10));
    };
    expect(align(tokens(0, 300), slipping(24)).firstStep[1]).toBe(50);
    // Half of them 10 ms off, the others not.
    expect(align(tokens(0, 300), slipping(24)).misfitMs[1]).toBe(5);
    expect(align(tokens(0, 300), slipping(23)).firstStep[1]).toBe(51);
  });

  it("finds the steps of any engine whose client's clock errs by less than a quarter of a step", () => {
    const request = fc.record({
      start: fc.integer({ min: 0, max: 60 }),
      length: fc.integer({ min: 4, max: 30 }),
    });
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 8 }),
        fc.array(fc.double({ min: 10, max: 14, noNaN: true }), { minLength: 91, maxLength: 91 }),
        fc.array(fc.double({ min: -1.2, max: 1.2, noNaN: true }), { minLength: 250, maxLength: 250 }),
        (requests, durations, errors) => {
          const ends: number[] = [];
          durations.reduce((now, ms) => {
            ends.push(now + ms);
            return now + ms;
          }, 0);
          // One request decodes throughout, so that every step is visible.
          const all = [{ start: 0, length: 91 }, ...requests];
          let drawn = 0;
          const emissions = all.map(({ start, length }) =>
            Float64Array.from({ length }, (_, k) => ends[start + k] + errors[drawn++ % errors.length]),
          );
          const { firstStep } = alignSteps(emissions);
          expect(Array.from(firstStep)).toEqual(all.map(({ start }) => start));
        },
      ),
    );
  });
});
