import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { type Answer, answerDigest, checkAnswer, readVerdicts } from "../../lib/course/index.js";

const verdictOf = (answer: Answer | undefined, digest: string) =>
  readVerdicts(checkAnswer("9.9", answer, digest), { "9.9": digest })["9.9"];

describe("checkAnswer", () => {
  it("takes a number to its digits, and one off in the last; counts have to be equal", () => {
    const digest = answerDigest("9.9", 101.94);
    expect([101.9, 102.4, 101, 103].map((value) => verdictOf(value, digest))).toEqual(Array(4).fill("right"));
    expect([100, 104, 1.019, -102].map((value) => verdictOf(value, digest))).toEqual(Array(4).fill("wrong"));
    const count = answerDigest("9.9", [10, 6], 15);
    expect(verdictOf([10, 6], count)).toBe("right");
    expect(verdictOf([6, 10], count)).toBe("wrong");
    expect(verdictOf([10, 7], count)).toBe("wrong");
    expect(verdictOf(10, count)).toBe("wrong");
  });

  it("takes words in any case, and says not yet where nothing is assigned", () => {
    const digest = answerDigest("9.9", "cold");
    expect(["cold", " Cold "].map((word) => verdictOf(word, digest))).toEqual(["right", "right"]);
    expect(verdictOf("warm", digest)).toBe("wrong");
    expect(verdictOf(undefined, digest)).toBe("not yet");
    expect(verdictOf(Number.NaN, digest)).toBe("wrong");
  });

  it("finds every number right, however small, and tells no answer in what it carries", () => {
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 15 }), (value, digits) => {
        expect(verdictOf(value, answerDigest("9.9", value, digits))).toBe("right");
      }),
    );
    expect(answerDigest("9.9", 472_768, 15)).not.toContain("472768");
    expect(answerDigest("9.9", 1)).not.toBe(answerDigest("9.8", 1));
  });

  it("refuses what is no answer", () => {
    expect(() => answerDigest("9.9", Number.POSITIVE_INFINITY)).toThrow(InputError);
    expect(() => answerDigest("9.9", 1, 0)).toThrow(/digits must be a whole number from 1 to 15/);
  });
});

describe("readVerdicts", () => {
  it("counts the last line of each exercise, and no line that a check of its digest did not print", () => {
    const digests = { "1.1": answerDigest("1.1", 96), "1.2": answerDigest("1.2", 64) };
    const lines = [
      checkAnswer("1.1", 95, digests["1.1"]).replace("wrong", "right"),
      checkAnswer("1.2", undefined, digests["1.2"]),
      checkAnswer("1.2", 64, digests["1.2"]),
      checkAnswer("1.3", 64, answerDigest("1.3", 64)),
    ];
    expect(readVerdicts(lines.join("\n"), digests)).toEqual({ "1.2": "right" });
  });
});
