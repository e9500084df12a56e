import { describe, expect, it } from "vitest";
import { emissionTimes } from "../../lib/fit/emission-times.js";
import { recordOf, timedRecord } from "./record-of.js";

describe("emissionTimes", () => {
  it("adds the gaps up from the first token on", () => {
    expect(Array.from(emissionTimes(timedRecord(1000, 50, [5, 6, 7]))!)).toEqual([1050, 1055, 1061, 1068]);
  });

  it("is one time for one token, with or without gaps", () => {
    expect(Array.from(emissionTimes(timedRecord(1000, 50, []))!)).toEqual([1050]);
    expect(Array.from(emissionTimes(recordOf({ arrivalMs: 7, ttftMs: 3 }))!)).toEqual([10]);
    expect(Array.from(emissionTimes(recordOf({ arrivalMs: 7, ttftMs: 3, outputTokens: 0 }))!)).toEqual([10]);
  });

  it("knows only the last token of a chunk", () => {
    const itlTokens = Int32Array.from([1, 3, 1]);
    const times = emissionTimes(timedRecord(0, 10, [5, 20, 6], { itlTokens, outputTokens: 6 }))!;
    expect(Array.from(times)).toEqual([10, 15, Number.NaN, Number.NaN, 35, 41]);
  });

  it("puts tokens that no later chunk accounts for into the first chunk", () => {
    const itlTokens = Int32Array.from([2]);
    const times = emissionTimes(timedRecord(0, 10, [5], { itlTokens, outputTokens: 5 }))!;
    expect(Array.from(times)).toEqual([Number.NaN, Number.NaN, 10, Number.NaN, 15]);
    const untold = emissionTimes(timedRecord(0, 10, [5], { outputTokens: 3 }))!;
    expect(Array.from(untold)).toEqual([Number.NaN, 10, 15]);
  });

  it("keeps a first token where the chunks account for more tokens than were told", () => {
    expect(Array.from(emissionTimes(timedRecord(0, 10, [5, 5], { outputTokens: 1 }))!)).toEqual([10, 15, 20]);
  });

  it("is undefined without arrival, without first token, and without the gaps of several tokens", () => {
    expect(emissionTimes(recordOf({ ttftMs: 3 }))).toBeUndefined();
    expect(emissionTimes(recordOf({ arrivalMs: 3 }))).toBeUndefined();
    expect(emissionTimes(recordOf({ arrivalMs: 3, ttftMs: 3, outputTokens: 2 }))).toBeUndefined();
  });
});
