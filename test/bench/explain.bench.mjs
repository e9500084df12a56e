// Why tokens were computed: a production trace, replayed and explained after reading; and a million recorded requests.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { importTrace, inferSessions, latencyProfile, replay } from "prefixlab";
import { explainMisses } from "prefixlab/explain";
import { BlockTable } from "prefixlab/trace";
import { below, medianSeconds, result, skipped } from "./yardstick.mjs";

const path = fileURLToPath(
  new URL("../../../shared/data/mooncake/conversation_trace.jsonl.gz", import.meta.url),
);

/** Tokens of KV cache, whatever the size of its blocks. */
const poolTokens = 65_536 * 16;

export async function bench() {
  return [...(await mooncake()), ...million()];
}

async function mooncake() {
  if (!existsSync(path))
    return [
      skipped(
        "Mooncake conversation, explained",
        "needs conversation_trace.jsonl of kvcache-ai/Mooncake, gzipped, in ../shared/data/mooncake",
      ),
    ];
  const trace = await importTrace("mooncake", path);
  const model = latencyProfile("h200-qwen3-8b");
  const n = trace.records.length;
  // The trace's own blocks, and a pool of the usual ones.
  return [512, 16].map((blockSize) => {
    const engine = { blockSize, kvCacheBlocks: poolTokens / blockSize };
    const explained = () => {
      const run = replay(
        { trace, sessions: inferSessions(trace) },
        { model, engine, pacing: "open-loop", gaps: false },
      );
      const { settings } = run.conditions.engine;
      return explainMisses(run, { engine: settings, admittedMs: run.run.admittedMs });
    };
    const seconds = medianSeconds(explained, 3);
    const name = `Mooncake conversation, ${n} requests, ${blockSize}-token blocks: sessions, replay and causes`;
    return result({ name, value: seconds, unit: "s", aim: below(2), seconds });
  });
}

function million() {
  const workload = conversations(1_000_000);
  const started = performance.now();
  const { causes } = explainMisses(workload, { engine: { kvCacheBlocks: 65_536 } });
  const seconds = (performance.now() - started) / 1000;
  const name = `explainMisses, 1000000 requests of 50 blocks, ${Math.round(causes.evicted.tokens / 1e6)} M tokens evicted`;
  return [
    result({ name, value: seconds, unit: "s", aim: below(60), seconds }),
    result({
      name: "explainMisses, 1000000 requests: most memory of the process, trace and all",
      value: process.resourceUsage().maxRSS / 2 ** 20,
      unit: "GiB",
      aim: below(2),
    }),
  ];
}

const turns = 5;
const trunkBlocks = 25;
const blockSize = 16;

/** Conversations of five turns over 64 shared beginnings; of every tenth turn, the engine found the beginning alone. */
function conversations(requests) {
  const sessionCount = requests / turns;
  const rows = [];
  let nextId = 64 * trunkBlocks;
  for (let s = 0; s < sessionCount; s++) {
    const chain = new Int32Array(trunkBlocks + 5 + 10 * turns);
    for (let d = 0; d < chain.length; d++) chain[d] = d < trunkBlocks ? (s % 64) * trunkBlocks + d : nextId++;
    for (let turn = 0; turn < turns; turn++) {
      const blocks = trunkBlocks + 5 + 10 * turn;
      const isLost = turn === 0 || (s + turn) % 10 === 0;
      rows.push({
        session: s,
        turn: turn + 1,
        record: {
          promptTokens: blocks * blockSize + 3,
          outputTokens: 64,
          cachedTokens: s < 64 && turn === 0 ? 0 : blockSize * (isLost ? trunkBlocks : blocks - 6),
          arrivalMs: s * 10 + turn * 5000,
          ttftMs: 50,
          itlSummary: { meanMs: 10, count: 63 },
          finishReason: "length",
          blockIds: chain.subarray(0, blocks),
        },
      });
    }
  }
  rows.sort((a, b) => a.record.arrivalMs - b.record.arrivalMs);
  const last = new Int32Array(sessionCount).fill(-1);
  const parent = Int32Array.from(rows, ({ session }, i) => {
    const before = last[session];
    last[session] = i;
    return before;
  });
  const blocks = new BlockTable();
  while (blocks.size < nextId) blocks.intern(1, blocks.size);
  return {
    trace: {
      meta: { blockSize, extra: {} },
      records: rows.map(({ record }) => record),
      blocks,
      rejected: [],
      warnings: [],
    },
    sessions: {
      parent,
      turn: Int32Array.from(rows, ({ turn }) => turn),
      session: Int32Array.from(rows, ({ session }) => session),
    },
  };
}
