import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { identifiedColumns } from "../../lib/fit/identified.js";

describe("identifiedColumns", () => {
  const random = stream(4, "columns");
  const rows = Array.from({ length: 50 }, () => {
    const [a, b] = [random.uniform(), random.uniform()];
    return [1, a, b, a + 2 * b, 0];
  });
  const even = rows.map(() => 1);

  it("is true for a column that the others do not make up, false for those that do, and for zeros", () => {
    expect(identifiedColumns(rows, even)).toEqual([true, false, false, false, false]);
    expect(
      identifiedColumns(
        rows.map((row) => row.slice(0, 3)),
        even,
      ),
    ).toEqual([true, true, true]);
  });

  it("does not depend on a column's unit, nor on the order of the rows", () => {
    const scaled = rows.map(([one, a, b]) => [one, 1e6 * a, 1e-6 * b]);
    expect(identifiedColumns(scaled, even)).toEqual([true, true, true]);
    expect(identifiedColumns([...rows].reverse(), even)).toEqual(identifiedColumns(rows, even));
  });

  it("takes prompts of one size for one column, and of two sizes for as many as they tell", () => {
    const prompts = (sizes: number[]) => sizes.map((tokens) => [tokens, tokens ** 2 / 2]);
    expect(identifiedColumns(prompts([1000, 1000, 1000]), [1, 1, 1])).toEqual([false, false]);
    expect(identifiedColumns(prompts([1000, 300, 1000]), [1, 1, 1])).toEqual([true, true]);
    // A row of no weight tells nothing.
    expect(identifiedColumns(prompts([1000, 300, 1000]), [1, 0, 1])).toEqual([false, false]);
  });

  it("asks for a thousandth of a column's squared length, for itself", () => {
    const leaning = (ownShare: number) => [
      [1, Math.sqrt(1 - ownShare)],
      [0, Math.sqrt(ownShare)],
    ];
    expect(identifiedColumns(leaning(1.2e-3), [1, 1])).toEqual([true, true]);
    expect(identifiedColumns(leaning(0.8e-3), [1, 1])).toEqual([false, false]);
  });

  it("takes one row for as much as it tells", () => {
    expect(identifiedColumns([[0, 3]], [1])).toEqual([false, true]);
    expect(identifiedColumns([[2, 3]], [1])).toEqual([false, false]);
  });

  it("is empty without rows", () => {
    expect(identifiedColumns([], [])).toEqual([]);
  });
});
