// Out of core: one pass over a file for counts, sessions and survival curves; conversion to Parquet; SQL on it.
// By hand for ten million: node test/bench/scale.bench.mjs 10000000
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  mergeShards,
  queryTraces,
  summarizeShard,
  summarizeTraceFile,
  traceToParquet,
} from "prefixlab/scale";
import { writeLargeTrace } from "./write-large-trace.mjs";
import { result } from "./yardstick.mjs";

export async function bench(requests = 500_000) {
  const folder = mkdtempSync(join(tmpdir(), "prefixlab-bench-"));
  const [path, parquet] = [join(folder, "trace.jsonl"), join(folder, "requests.parquet")];
  const cases = [];
  const timed = async (what, work) => {
    const startedMs = performance.now();
    const told = await work();
    const seconds = (performance.now() - startedMs) / 1000;
    cases.push(
      result({
        name: `${what}, ${requests.toLocaleString("en-US")} requests`,
        value: requests / seconds,
        unit: "requests/s",
        seconds,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
        ...told,
      }),
    );
  };
  try {
    writeLargeTrace(path, requests);
    await timed("inspect, sessions and survival curves in one pass", async () => {
      const { inspection } = await summarizeTraceFile(path);
      return { sessions: inspection.sessions, fileBytes: statSync(path).size };
    });
    await timed("the same in 4 shards, one after another, merged", async () => {
      const shards = [];
      for (let index = 0; index < 4; index++) shards.push(await summarizeShard(path, { index, count: 4 }));
      const { inspection } = mergeShards(shards);
      return { sessions: inspection.sessions };
    });
    await timed("trace to Parquet", async () => {
      await traceToParquet(path, parquet);
      return { parquetBytes: statSync(parquet).size };
    });
    await timed("SQL: TTFT quantiles by turn", async () => {
      const { rows } = await queryTraces(
        "SELECT turn, count(*), approx_quantile(ttft_ms, 0.99) FROM requests GROUP BY turn ORDER BY turn",
        [parquet],
      );
      return { rows };
    });
    return cases;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(JSON.stringify(await bench(Number(process.argv[2] ?? 1_000_000)), null, 1));
