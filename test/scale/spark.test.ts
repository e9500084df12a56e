import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { queryTraces, traceToParquet } from "../../lib/scale/index.js";
import { syntheticTrace, withTraceFile } from "./synthetic-trace.js";

/** A Python that has pyspark. The cluster takes half a minute to start and answer: more than the check has. */
const python = process.env.PREFIXLAB_SPARK_PYTHON;
const reason = python === undefined ? "PREFIXLAB_SPARK_PYTHON names no Python with pyspark" : missing(python);

/** Queries of SQL.md and others, in words that both engines know. What differs between them is beside DuckDB's. */
const queries: readonly (readonly [string, string?])[] = [
  ["SELECT count(*), count(ttft_ms), sum(prompt_tokens), min(arrival_ms), max(arrival_ms) FROM requests"],
  [
    "SELECT turn, count(*), count(*) - count(ttft_ms), percentile_cont(0.5) WITHIN GROUP (ORDER BY ttft_ms), " +
      "percentile_cont(0.99) WITHIN GROUP (ORDER BY ttft_ms) FROM requests GROUP BY turn ORDER BY turn",
  ],
  [
    "SELECT child.turn, avg(child.arrival_ms - parent.arrival_ms - parent.total_ms) FROM requests AS child " +
      "JOIN requests AS parent ON child.parent = parent.request GROUP BY child.turn ORDER BY child.turn",
  ],
  [
    "SELECT count(*), count(DISTINCT hash), 1 - count(DISTINCT hash) * 1.0 / count(*) " +
      "FROM (SELECT unnest(block_hashes) AS hash FROM requests) AS chains",
    "SELECT count(*), count(DISTINCT hash), 1 - count(DISTINCT hash) * 1.0 / count(*) " +
      "FROM (SELECT explode(block_hashes) AS hash FROM requests) AS chains",
  ],
  [
    "SELECT DISTINCT hash FROM (SELECT unnest(block_hashes) AS hash FROM requests) AS chains ORDER BY hash DESC LIMIT 50",
    "SELECT DISTINCT hash FROM (SELECT explode(block_hashes) AS hash FROM requests) AS chains ORDER BY hash DESC LIMIT 50",
  ],
  [
    "SELECT request, session, turn, parent, finish_reason, completed, ttft_ms, lag(request) OVER (PARTITION BY session ORDER BY turn, request) " +
      "FROM requests ORDER BY request",
  ],
];

describe.skipIf(reason !== undefined)(`the table on Spark${reason ? ` (skipped: ${reason})` : ""}`, () => {
  it("answers as DuckDB does, on a cluster of a master and two workers", async () => {
    await withTraceFile(syntheticTrace(400, 51), async (path, folder) => {
      const table = join(folder, "requests");
      mkdirSync(table);
      await traceToParquet(path, join(table, "part-0.parquet"), { lists: true, rowGroupRows: 300 });
      const { executors, answers } = await onCluster(folder, (master) =>
        answersOfSpark(
          master,
          table,
          queries.map(([sql, spark]) => spark ?? sql),
        ),
      );
      expect(executors).toBe(2);
      for (const [k, [sql]] of queries.entries()) {
        const { rows } = await queryTraces(sql, [join(table, "part-0.parquet")]);
        expect(rows.length).toBeGreaterThan(0);
        expectAlike(answers[k], rows, sql);
      }
    });
  }, 180_000);
});

/** Sums of doubles in another order differ in their last digits; all else is equal. */
function expectAlike(spark: unknown, duckdb: unknown, where: string): void {
  if (Array.isArray(spark) && Array.isArray(duckdb)) {
    expect(spark.length, where).toBe(duckdb.length);
    for (const [k, value] of spark.entries()) expectAlike(value, duckdb[k], where);
  } else if (typeof spark === "number" && typeof duckdb === "number" && !Number.isInteger(duckdb))
    expect(Math.abs(spark - duckdb) / Math.abs(duckdb), where).toBeLessThan(1e-9);
  else expect(spark, where).toEqual(duckdb);
}

/** Why there is no Spark, undefined where there is. */
function missing(interpreter: string): string | undefined {
  if (spawnSync("java", ["-version"]).status !== 0) return "there is no java";
  return spawnSync(interpreter, ["-c", "import pyspark"]).status === 0
    ? undefined
    : `${interpreter} has no pyspark`;
}

function sparkHome(): string {
  const { stdout } = spawnSync(python as string, ["-c", "import pyspark; print(pyspark.__file__)"], {
    encoding: "utf8",
  });
  return dirname(stdout.trim());
}

/** Calls `work` with the address of a standalone cluster on loopback, and ends it. */
async function onCluster<T>(folder: string, work: (master: string) => Promise<T>): Promise<T> {
  const running: ChildProcess[] = [];
  const start = async (args: string[], ready: RegExp) => {
    const child = spawn(join(sparkHome(), "bin", "spark-class"), args, {
      env: { ...process.env, SPARK_HOME: sparkHome(), SPARK_LOCAL_IP: "127.0.0.1" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.push(child);
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr! })) {
      said.push(line);
      if (ready.test(line)) {
        child.stderr!.resume();
        return;
      }
    }
    throw new Error(`spark-class ${args.join(" ")} ended:\n${said.join("\n")}`);
  };
  try {
    const port = await freePort();
    const master = `spark://127.0.0.1:${port}`;
    const deploy = "org.apache.spark.deploy";
    await start(
      [`${deploy}.master.Master`, "--host", "127.0.0.1", "--port", String(port), "--webui-port", "0"],
      /I have been elected leader/,
    );
    for (const worker of ["a", "b"])
      await start(
        [
          `${deploy}.worker.Worker`,
          "--host",
          "127.0.0.1",
          "--cores",
          "1",
          "--memory",
          "600m",
          "--webui-port",
          "0",
          "--work-dir",
          join(folder, worker),
          master,
        ],
        /Successfully registered with master/,
      );
    return await work(master);
  } finally {
    await Promise.all(
      running.map(async (child) => {
        const ended = child.exitCode === null ? once(child, "exit") : undefined;
        child.kill();
        await ended;
      }),
    );
  }
}

async function answersOfSpark(master: string, table: string, sql: readonly string[]) {
  const script = fileURLToPath(new URL("./spark-queries.py", import.meta.url));
  const child = spawn(python as string, [script, master, table], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify(sql));
  let [out, err] = ["", ""];
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    err += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${err}`);
  return JSON.parse(out) as { executors: number; answers: unknown[] };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
