import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { tableBundle } from "../../lib/figure/display.js";
import { type FrameRow, toDataFrame, traceRows } from "../../lib/figure/index.js";

const rows: FrameRow[] = [
  { name: "007", ttftMs: 36.123456789, hit: true },
  { name: "b", ttftMs: 24_000, hit: false },
];

describe("toDataFrame", () => {
  it("keeps values as they are: text of digits stays text", () => {
    const frame = toDataFrame(rows);
    expect(frame.columns).toEqual(["name", "ttftMs", "hit"]);
    expect(frame.values).toEqual([
      ["007", 36.123456789, true],
      ["b", 24_000, false],
    ]);
  });

  it("sorts and takes heads without changing the frame", () => {
    const frame = toDataFrame(rows);
    expect(frame.sortValues("ttftMs", { ascending: false }).head(1).values[0]?.[0]).toBe("b");
    expect(frame.values[0]?.[0]).toBe("007");
  });

  it("takes the type of a column from every row, not from the first twenty", () => {
    const many = Array.from({ length: 30 }, (_, at) => ({ value: at === 25 ? "x" : at }));
    expect(() => toDataFrame(many)).toThrow(/mixes number and string \(row 25\)/);
  });

  it.each([
    ["no rows", []],
    ["NaN", [{ a: Number.NaN }]],
    ["a missing value", [{ a: 1 }, { a: undefined as unknown as number }]],
    ["null", [{ a: 1 }, { a: null as unknown as number }]],
    ["other columns", [{ a: 1 }, { a: 1, b: 2 }]],
  ])("refuses %s", (_, bad: FrameRow[]) => expect(() => toDataFrame(bad)).toThrow(InputError));
});

describe("tableBundle", () => {
  it("is an HTML table with escaped texts, and aligned plain text", () => {
    const bundle = tableBundle(toDataFrame([{ name: "<a>", n: 1 }]));
    expect(bundle["text/html"]).toContain("<td>&lt;a></td><td>1</td>");
    expect(bundle["text/plain"]).toBe("name  n\n <a>  1");
  });
});

describe("traceRows", () => {
  it("leaves out the columns that some request lacks", () => {
    const records = [
      { promptTokens: 10, outputTokens: 2, ttftMs: 1.23, arrivalMs: 0 },
      { promptTokens: 11, outputTokens: 2, arrivalMs: 5.55 },
    ];
    expect(traceRows({ records })).toEqual([
      { arrivalMs: 0, promptTokens: 10, outputTokens: 2 },
      { arrivalMs: 5.6, promptTokens: 11, outputTokens: 2 },
    ]);
  });
});
