// node test/peers/aisimulate.mjs --command .../bin/aisimulate [--data DIR] [--only TEXT]: reused prompt tokens beside
// AISimulate's, on the same files, pools, token budget and step price; of one engine, and of four behind its only router
// without Dynamo, round robin. --only: files whose name has this in it. Exit code 1: with no answer reused, which AISimulate
// assumes, the share of one engine in an unbounded pool or Mooncake's mean TTFT differs by more than 0.1 %, or the share of a
// fleet by more than a point.
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { importTrace, replay, workloadOf } from "prefixlab";
import { formatRows } from "../bench/table.mjs";
import { aisimulate, budget, fixedModel, missingAisimulate } from "./aisimulate-run.mjs";

const tolerance = 0.001;
const fleetTolerance = 0.01;
const fleetReplicas = 4;

/** Pools in blocks of the trace's own size; the first holds everything, "tight" little more than the largest request. */
const files = [
  ["mooncake", "mooncake/conversation_trace.jsonl.gz", 512, [200_000, 6_000, 1_250]],
  ["mooncake", "mooncake/synthetic_trace.jsonl.gz", 512, [200_000, 6_000, 1_250]],
  ...[
    "weka/trace_0021",
    "weka/trace_0159",
    "weka/trace_0166",
    "weka/trace_0176",
    "weka/trace_0215",
    "weka-subagents/trace_0010",
    "weka-subagents/trace_0254",
  ].map((name) => ["weka", `${name}.json.gz`, 64, [200_000, "tight"]]),
];

async function main() {
  const { values } = parseArgs({
    options: {
      command: { type: "string", default: process.env.AISIMULATE },
      only: { type: "string", default: "" },
      data: { type: "string", default: fileURLToPath(new URL("../../../shared/data", import.meta.url)) },
    },
  });
  const missing = missingAisimulate(values.command);
  if (missing !== undefined) {
    process.stdout.write(`skipped: ${missing}\n`);
    return 0;
  }
  const rows = [];
  let isOff = false;
  for (const [format, name, blockSize, pools] of files.filter(([, file]) => file.includes(values.only))) {
    const path = join(values.data, name);
    if (!existsSync(path)) {
      rows.push([name, "", `skipped: ${path} is absent`, "", "", "", "", ""]);
      continue;
    }
    // AISimulate shares nothing between conversations.
    const workload = workloadOf(await importTrace(format, path, { sharedPreamble: false, subagents: true }));
    const largest = Math.max(
      ...workload.trace.records.map(({ promptTokens, outputTokens }) => promptTokens + outputTokens),
    );
    const runs = [
      ...pools.map((size) => ({ size, replicas: 1 })),
      ...(format === "mooncake" ? pools : []).map((size) => ({ size, replicas: fleetReplicas })),
    ];
    for (const { size, replicas } of runs) {
      const blocks = size === "tight" ? Math.ceil((1.05 * largest) / blockSize) : size;
      const {
        share: peer,
        ttftMs,
        refusal,
      } = aisimulate(values.command, {
        format,
        path,
        blockSize,
        blocks,
        replicas,
      });
      if (peer === undefined) {
        rows.push([basename(name), "refused", "", refusal, "", "", "", ""]);
        break;
      }
      const ours = (answerReuse) => replayed(workload, { format, blockSize, blocks, replicas, answerReuse });
      const { share: off, ttftMs: ownTtftMs } = ours(false);
      const difference = (off - peer) / peer;
      const isUnbounded = size === pools[0];
      if (replicas === 1 && isUnbounded && Math.abs(difference) > tolerance) isOff = true;
      if (replicas > 1 && Math.abs(off - peer) > fleetTolerance) isOff = true;
      // Of arrivals alone: conversations are paced by what each takes a turn to wait for.
      if (format === "mooncake" && Math.abs(ownTtftMs / ttftMs - 1) > tolerance) isOff = true;
      const percent = `${(100 * difference).toFixed(3)} %`;
      const pool = `${isUnbounded ? "unbounded" : `${blocks} blocks`}${replicas === 1 ? "" : ` x ${replicas}`}`;
      rows.push([
        basename(name),
        pool,
        `${workload.trace.records.length}`,
        ...[peer, off].map((x) => x.toFixed(6)),
        percent,
        ours(true).share.toFixed(6),
        `${ttftMs.toFixed(2)} ${ownTtftMs.toFixed(2)} ms`,
      ]);
    }
  }
  const header = [
    "file",
    "pool",
    "requests",
    "AISimulate",
    "prefixlab, no answer reused",
    "difference",
    "answers reused",
    "mean TTFT, both",
  ];
  process.stdout.write(formatRows([header, ...rows]));
  return isOff ? 1 : 0;
}

/** Share of prompt tokens that a replay reuses, each request at its first admission, and its mean TTFT. */
function replayed(workload, { format, blockSize, blocks, replicas, answerReuse }) {
  const { run, trace } = replay(workload, {
    model: fixedModel,
    engine: { blockSize, kvCacheBlocks: blocks, ...budget },
    pacing: format === "weka" ? "session" : "open-loop",
    answerReuse,
    replicas,
    ...(replicas > 1 && { router: "round-robin" }),
    gaps: false,
  });
  const cached = run.cachedTokens.reduce((sum, tokens) => sum + Math.max(0, tokens), 0);
  const waits = trace.records.flatMap(({ ttftMs }) => ttftMs ?? []);
  return {
    share: cached / workload.trace.records.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
    ttftMs: waits.reduce((sum, ttftMs) => sum + ttftMs, 0) / waits.length,
  };
}

process.exitCode = await main();
