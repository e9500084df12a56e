import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { latencyProfile, readCapture, replay, workloadOf } from "../../lib/index.js";
import { requestColumns, requestTable, type Table, tableOf } from "../../lib/table/index.js";

describe("tableOf", () => {
  it("holds values as they are, and takes a column's type from all rows", () => {
    const rows = [
      ...Array.from({ length: 30 }, (_, at) => ({ name: "007", at, ttft_ms: 36, hit: true })),
      { name: "b", at: 30, ttft_ms: 36.12345678901234, hit: false },
    ];
    const table = tableOf(rows);
    expect(table.rows).toEqual(rows);
    expect(table.columns).toEqual([
      { name: "name", type: "VARCHAR" },
      { name: "at", type: "BIGINT" },
      { name: "ttft_ms", type: "DOUBLE" },
      { name: "hit", type: "BOOLEAN" },
    ]);
    expect(table.numbers("ttft_ms").at(-1)).toBe(36.12345678901234);
    expect(table.texts("name")[0]).toBe("007");
  });

  it("takes null and undefined for missing", () => {
    const { rows } = tableOf([{ a: null }, { a: 3 }, { a: undefined }]);
    expect(rows).toEqual([{ a: undefined }, { a: 3 }, { a: undefined }]);
  });

  it.each([
    ["no rows", [], /at least one row/],
    ["NaN", [{ a: Number.NaN }], /column a of row 0 must be a finite number/],
    ["a list", [{ a: [1] as unknown as number }], /column a of row 0/],
    ["a column of two kinds", [{ a: 1 }, { a: "x" }], /column a mixes BIGINT and VARCHAR \(row 1\)/],
    ["a column without a value", [{ a: null }], /column a has no value/],
    ["a row with one column more", [{ a: 1 }, { a: 1, b: 2 }], /only one of them has b/],
    ["a row with one column less", [{ a: 1, b: 2 }, { a: 1 }], /only one of them has b/],
  ])("refuses %s", (_, rows, message) => {
    expect(() => tableOf(rows as { a: number }[])).toThrow(message);
    expect(() => tableOf(rows as { a: number }[])).toThrow(InputError);
  });
});

describe("Table", () => {
  const table = tableOf([
    { turn: 1, p50_ms: 50.7861234, share: 0.123456789, cache: "on" },
    { turn: 2, p50_ms: null, share: 0.3, cache: "off" },
  ]);

  it("gives a column only as what it is, and only whole", () => {
    expect(() => table.numbers("p50_ms")).toThrow("1 of 2 rows have no p50_ms");
    expect(() => table.numbers("cache")).toThrow("column cache holds VARCHAR, not numbers");
    expect(() => table.texts("turn")).toThrow("column turn holds BIGINT, not texts");
    expect(() => (table as Table).numbers("p5")).toThrow("the columns are turn, p50_ms, share, cache");
  });

  it("shows shortened numbers only with a word about it, in consoles too", () => {
    const text = [
      "turn  p50_ms   share  cache",
      "   1  50.786  0.1235     on",
      "   2             0.3    off",
      "numbers to three decimals, below 1 to four digits; the table holds all",
    ].join("\n");
    expect(String(table)).toBe(text);
    expect(inspect(table)).toBe(text);
    expect(String(tableOf([{ ms: 16812.345, sum: 0.1 + 0.2 }]))).not.toContain("digits");
  });

  it("shows the first fifty rows of a longer one, and says so", () => {
    const long = tableOf(Array.from({ length: 51 }, (_, at) => ({ at })));
    expect(String(long).split("\n")).toHaveLength(52);
    expect(String(long)).toContain("the first 50 of 51 rows");
  });
});

describe("requestTable", async () => {
  const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
  const requests = requestTable(workload);

  it("has every record's own numbers, one row each", () => {
    workload.trace.records.forEach(({ ttftMs, promptTokens, arrivalMs, session, turn }, at) => {
      const row = requests.rows[at];
      expect([row?.ttft_ms, row?.prompt_tokens, row?.arrival_ms, row?.turn]).toEqual([
        ttftMs,
        promptTokens,
        arrivalMs,
        turn,
      ]);
      expect(`s${row?.session}`).toBe(session);
    });
    expect(requests.rows[0]).toMatchObject({ parent: undefined, follows: undefined, agent_depth: 0 });
    expect(requests.rows[1]).toMatchObject({ parent: 0, follows: "turn" });
  });

  it("has a row of a replay under the number of the row that it replays", () => {
    const model = latencyProfile("h200-qwen3-8b");
    const replayed = requestTable(replay(workload, { model, rateScale: 2 }));
    expect(replayed.numbers("prompt_tokens")).toEqual(requests.numbers("prompt_tokens"));
    expect(replayed.numbers("session")).toEqual(requests.numbers("session"));
  });

  it("starts with the columns that SQL over files has", () => {
    expect(requests.columns.slice(0, requestColumns.length).map(({ name }) => name)).toEqual(
      requestColumns.map(({ name }) => name),
    );
  });
});
