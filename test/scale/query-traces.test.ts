import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { queryTraces, traceToParquet } from "../../lib/scale/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import { syntheticTrace, withTraceFile } from "./synthetic-trace.js";

describe("queryTraces", () => {
  it("has one row a request with its session and turn, and NULL where the trace is silent", async () => {
    await withTraceFile(syntheticTrace(300, 21), async (path) => {
      const trace = await readTrace(path);
      const sessions = inferSessions(trace);
      const { columns, rows } = await queryTraces(
        "SELECT request, session, turn, parent, prompt_tokens, ttft_ms, completed, finish_reason FROM requests ORDER BY request",
        [path],
      );
      expect(columns.slice(0, 4)).toEqual(["request", "session", "turn", "parent"]);
      expect(rows).toEqual(
        trace.records.map((record, i) => [
          i,
          sessions.session[i],
          sessions.turn[i],
          sessions.parent[i]! < 0 ? null : sessions.parent[i],
          record.promptTokens,
          record.ttftMs ?? null,
          record.finishReason === "stop",
          record.finishReason,
        ]),
      );
    });
  });

  it("keeps 64-bit block hashes exact, and writes them only when the query names them", async () => {
    await withTraceFile(syntheticTrace(40, 22), async (path) => {
      const trace = await readTrace(path);
      const { rows } = await queryTraces(
        "SELECT DISTINCT hash::VARCHAR FROM (SELECT unnest(block_hashes) AS hash FROM requests) ORDER BY 1",
        [path],
      );
      const texts = Array.from({ length: trace.blocks.size }, (_, id) => trace.blocks.text(id));
      expect(rows.map(([text]) => text)).toEqual(texts.sort());
      const without = await queryTraces("SELECT * FROM requests LIMIT 1", [path]);
      expect(without.columns).not.toContain("block_hashes");
    });
  });

  it("reads Parquet where it is, in row groups, beside other traces", async () => {
    await withTraceFile(syntheticTrace(100, 23), async (path, folder) => {
      const parquet = join(folder, "requests.parquet");
      const n = (await readTrace(path)).records.length;
      expect(await traceToParquet(path, parquet, { rowGroupRows: 64, windowRequests: 240 })).toBe(n);
      const groups = await queryTraces(
        `SELECT count(DISTINCT row_group_id) FROM parquet_metadata('${parquet}')`,
        [parquet],
      );
      expect(groups.rows).toEqual([[Math.ceil(n / 64)]]);
      const both = await queryTraces("SELECT file, count(*) FROM requests GROUP BY file ORDER BY file DESC", [
        path,
        parquet,
      ]);
      expect(both.rows).toEqual([
        [path, n],
        [parquet, n],
      ]);
      const columns = "request, session, turn, arrival_ms, ttft_ms, total_ms, itl_mean_ms";
      const differing = await queryTraces(
        `(SELECT ${columns} FROM requests WHERE file = '${path}') EXCEPT (SELECT ${columns} FROM requests WHERE file <> '${path}')`,
        [path, parquet],
      );
      expect(differing.rows).toEqual([]);
    });
  });

  it("leaves an earlier table as it was when a conversion fails, and nothing beside it", async () => {
    await withTraceFile(syntheticTrace(5, 25), async (path, folder) => {
      const parquet = join(folder, "requests.parquet");
      await traceToParquet(path, parquet);
      const before = readFileSync(parquet);
      const bad = join(folder, "bad.jsonl");
      writeFileSync(bad, '{"meta":{}}\n');
      for (const source of [join(folder, "missing.jsonl"), bad])
        await expect(traceToParquet(source, parquet)).rejects.toThrow(InputError);
      expect(readFileSync(parquet)).toEqual(before);
      await expect(traceToParquet(path, join(folder, "none", "a.parquet"))).rejects.toThrow(
        /none.a\.parquet: cannot be written \(ENOENT\)/,
      );
      await expect(traceToParquet(path, folder)).rejects.toThrow(/cannot be written: expected a file/);
      expect(readdirSync(folder).sort()).toEqual(["bad.jsonl", "requests.parquet", "trace.jsonl"]);
    });
  });

  it("says what is wrong with the SQL, and wants a trace", async () => {
    await withTraceFile(syntheticTrace(5, 24), async (path) => {
      await expect(queryTraces("SELECT nothing_such FROM requests", [path])).rejects.toThrow(InputError);
      await expect(queryTraces("SELECT nothing_such FROM requests", [path])).rejects.toThrow(/nothing_such/);
      await expect(queryTraces("SELECT 1", [])).rejects.toThrow("queryTraces: needs at least one trace");
    });
  });
});
