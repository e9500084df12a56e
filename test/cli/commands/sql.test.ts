import { describe, expect, it } from "vitest";
import { syntheticTrace, withTraceFile } from "../../scale/synthetic-trace.js";
import { runCli } from "../run-cli.js";

describe("prefixlab sql", () => {
  const query = "SELECT turn, count(*) AS n FROM requests GROUP BY turn ORDER BY turn";

  it("prints a table, and with --json one document with the rows as objects", async () => {
    const trace = syntheticTrace(50, 31);
    await withTraceFile(trace, async (path) => {
      const json = runCli(["sql", query, path, "--json"]);
      expect(json.status).toBe(0);
      const { columns, rows } = JSON.parse(json.stdout) as { columns: string[]; rows: { n: number }[] };
      expect(columns).toEqual(["turn", "n"]);
      expect(rows.reduce((sum, row) => sum + row.n, 0)).toBe(trace.records.length);
      const table = runCli(["sql", query, path]);
      expect(table.stdout.split("\n")[0]).toMatch(/^turn +n$/);
    });
  });

  it("exits with 2 and names what is wrong with the SQL", async () => {
    await withTraceFile(syntheticTrace(5, 32), async (path) => {
      const result = runCli(["sql", "SELECT nothing_such FROM requests", path]);
      expect(result.status).toBe(2);
      expect(result.stderr).toContain("nothing_such");
    });
  });
});
