import { describe, expect, it } from "vitest";
import { InputError, quantile } from "../../lib/base/index.js";
import { readCapture, workloadOf } from "../../lib/index.js";
import { queryTraces } from "../../lib/scale/index.js";
import { queryTables, requestTable, tableOf } from "../../lib/table/index.js";
import { fromRoot } from "../cli/run-cli.js";

const requests = requestTable(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));

describe("queryTables", () => {
  it("groups with the quantiles of the library, to the last digits", async () => {
    const byTurn = await queryTables(
      "SELECT turn, count(*) AS n, quantile_cont(ttft_ms, 0.5) AS p50_ms, quantile_cont(ttft_ms, 0.99) AS p99_ms FROM requests GROUP BY turn ORDER BY turn",
      { requests },
    );
    expect(byTurn.numbers("turn")).toEqual([1, 2, 3, 4, 5]);
    for (const { turn, n, p50_ms, p99_ms } of byTurn.rows) {
      const waits = requests.rows.filter((row) => row.turn === turn).map((row) => row.ttft_ms as number);
      expect(n).toBe(waits.length);
      expect(p50_ms).toBeCloseTo(quantile(waits, 0.5) as number, 10);
      expect(p99_ms).toBeCloseTo(quantile(waits, 0.99) as number, 10);
    }
  });

  it("answers as SQL over the file does", async () => {
    const sql =
      "SELECT session, turn, parent, arrival_ms, cached_tokens, ttft_ms, itl_mean_ms, total_ms, completed, finish_reason FROM requests ORDER BY request";
    const [ours, files] = [
      await queryTables(sql, { requests }),
      await queryTraces(sql, [fromRoot("data", "warm-1.jsonl.gz")]),
    ];
    expect(ours.columns.map(({ name }) => name)).toEqual(files.columns);
    expect(ours.rows.map((row) => ours.columns.map(({ name }) => row[name] ?? null))).toEqual(files.rows);
  });

  it("takes every value there and back unchanged, more than DuckDB takes at once", async () => {
    const rows = Array.from({ length: 5000 }, (_, at) => ({
      whole: at % 7 === 0 ? undefined : at * 1_000_003 - 2 ** 40,
      part: at % 5 === 0 ? undefined : Math.sin(at) * 10 ** (at % 30),
      text: at % 3 === 0 ? undefined : `it's "${at}" ü`,
      flag: at % 2 === 0,
    }));
    const table = tableOf(rows);
    const back = await queryTables("SELECT * FROM t", { t: table });
    expect(back.rows).toEqual(rows);
    expect(back.columns).toEqual(table.columns);
  });

  it("joins tables", async () => {
    const joined = await queryTables(
      "SELECT a.name, a.p50_ms - b.p50_ms AS more_ms FROM a JOIN b USING (name) ORDER BY name",
      {
        a: tableOf([
          { name: "x", p50_ms: 5 },
          { name: "y", p50_ms: 7.5 },
        ]),
        b: tableOf([
          { name: "y", p50_ms: 7 },
          { name: "z", p50_ms: 1 },
        ]),
      },
    );
    expect(joined.rows).toEqual([{ name: "y", more_ms: 0.5 }]);
  });

  it("keeps the types of results: sums of whole numbers, decimals, dates, no rows", async () => {
    const result = await queryTables(
      "SELECT sum(prompt_tokens) AS tokens, 1.5 AS dec, DATE '2026-11-24' AS day, turn IS NULL AS no FROM requests WHERE turn = 9 GROUP BY turn",
      { requests },
    );
    expect(result.columns.map(({ type }) => type)).toEqual(["BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN"]);
    expect(result.numbers("tokens")).toEqual([]);
  });

  it.each([
    ["SELECT ttftMs FROM requests", /queryTables: Binder Error.*ttftMs/],
    ["SELECT list(turn) AS turns FROM requests", /column turns is a BIGINT\[\].*unnest it/],
    ["SELECT turn, turn FROM requests", /two columns are called turn/],
    ["SELECT 9007199254740993 AS big", /column big holds 9007199254740993, more than a number holds exactly/],
  ])("%s: says what is wrong", async (sql, message) => {
    await expect(queryTables(sql, { requests })).rejects.toThrow(message);
    await expect(queryTables(sql, { requests })).rejects.toThrow(InputError);
  });

  it("refuses a name that SQL would need quotes for", async () => {
    await expect(queryTables("SELECT 1 AS one", { "my table": requests })).rejects.toThrow(
      'letters, digits and underscores, got "my table"',
    );
  });
});
