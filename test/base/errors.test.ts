import { describe, expect, it } from "vitest";
import {
  describeValue,
  InputError,
  requireFinite,
  requireInteger,
  requirePositive,
  WorkError,
} from "../../lib/base/index.js";

describe("describeValue", () => {
  it.each([
    ["abc", '"abc"'],
    [12, "12"],
    [undefined, "undefined"],
    [null, "null"],
    [Number.NaN, "NaN"],
    [true, "true"],
    [{ a: 1 }, "an object"],
    [[1, 2, 3], "an array of 3"],
    [[], "an array of 0"],
  ])("says %o as %s", (value, said) => {
    expect(describeValue(value)).toBe(said);
  });

  it("shortens a string of more than 60 characters to 60, dots included", () => {
    expect(describeValue("x".repeat(60))).toBe(JSON.stringify("x".repeat(60)));
    expect(describeValue("x".repeat(61))).toBe(JSON.stringify(`${"x".repeat(57)}...`));
  });
});

describe("requireInteger", () => {
  it("returns what it was given, from the least on", () => {
    expect(requireInteger("f", "n", 0)).toBe(0);
    expect(requireInteger("f", "n", 7, 7)).toBe(7);
    expect(requireInteger("f", "n", -3, -3)).toBe(-3);
  });

  it.each([
    [-1, 0, "f: n must be a non-negative integer, got -1"],
    [0, 1, "f: n must be a positive integer, got 0"],
    [4, 5, "f: n must be an integer >= 5, got 4"],
    [1.5, 0, "f: n must be a non-negative integer, got 1.5"],
    ["3", 0, 'f: n must be a non-negative integer, got "3"'],
    [2 ** 53, 0, "f: n must be a non-negative integer, got 9007199254740992"],
    [undefined, 0, "f: n must be a non-negative integer, got undefined"],
  ])("refuses %o where the least is %i", (value, min, message) => {
    expect(() => requireInteger("f", "n", value, min)).toThrow(new InputError(message));
  });
});

describe("requireFinite", () => {
  it("returns what it was given, both limits included", () => {
    expect(requireFinite("f", "x", -1e9)).toBe(-1e9);
    expect(requireFinite("f", "x", 0, 0)).toBe(0);
    expect(requireFinite("f", "x", 1, 0, 1)).toBe(1);
    expect(requireFinite("f", "x", 0, 0, 1)).toBe(0);
  });

  it.each([
    [Number.NaN, undefined, undefined, "f: x must be a finite number, got NaN"],
    [Number.POSITIVE_INFINITY, undefined, undefined, "f: x must be a finite number, got Infinity"],
    [-0.1, 0, undefined, "f: x must be a finite number >= 0, got -0.1"],
    [1.1, 0, 1, "f: x must be a number from 0 to 1, got 1.1"],
    [-1, 0, 1, "f: x must be a number from 0 to 1, got -1"],
    [2, undefined, 1, "f: x must be a number from -Infinity to 1, got 2"],
    ["1", undefined, undefined, 'f: x must be a finite number, got "1"'],
  ])("refuses %o outside %o to %o", (value, min, max, message) => {
    expect(() => requireFinite("f", "x", value, min, max)).toThrow(new InputError(message));
  });
});

describe("requirePositive", () => {
  it("returns what it was given, above zero", () => {
    expect(requirePositive("f", "rate", 1e-9)).toBe(1e-9);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1", undefined])("refuses %o", (value) => {
    expect(() => requirePositive("f", "rate", value)).toThrow(InputError);
    expect(() => requirePositive("f", "rate", value)).toThrow(
      `f: rate must be a positive number, got ${describeValue(value)}`,
    );
  });
});

describe("the two kinds of error", () => {
  it("are told apart by class and by name", () => {
    expect(new InputError("a")).not.toBeInstanceOf(WorkError);
    expect(new InputError("a").name).toBe("InputError");
    expect(new WorkError("a").name).toBe("WorkError");
    expect(new WorkError("a")).toBeInstanceOf(Error);
  });
});
