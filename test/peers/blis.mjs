// node test/peers/blis.mjs [--data DIR] [--requests N]: hit shares of four replicas under this project's routers beside routers
// made after BLIS's published semantics, in this project's engine, on the first N requests of Mooncake and on Weka conversations.
// BLIS itself (Go, inference-sim/inference-sim) is not needed. "step" changes one thing of theirs at a time into ours, so that
// the last step's difference is what is not explained. Exit code 1: that is more than a point for some router.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { importTrace, latencyProfile, replay, workloadOf } from "prefixlab";
import { formatRows } from "../bench/table.mjs";

const tolerance = 0.01;
const blockSize = 64;
const engine = { blockSize, kvCacheBlocks: 6_000 };
const replicas = 4;
const model = latencyProfile("h200-qwen3-8b");

const firstBest = (scores) => scores.indexOf(Math.max(...scores));
/** Lower is better, by the place between the extremes; all equal score 1. */
const byPlace = (values) => {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => (most === least ? 1 : (most - value) / (most - least)));
};

/** sim/routing.go: EffectiveLoad is queue + batch; requests on their way to the queue are in `waiting` here. */
const effectiveLoad = ({ waiting, running }) => waiting + running;

function leastLoaded() {
  return {
    name: "least-loaded",
    start: () => ({ route: (_, all) => firstBest(all.map((one) => -effectiveLoad(one))) }),
  };
}

/** sim/prefix_cache_index.go: blocks sent to each replica; a prompt is touched first to last, the oldest touch given up. */
function sentBlocks(capacity) {
  const sent = Array.from({ length: replicas }, () => new Set());
  const blocksOf = ({ contentIds, promptTokens }) =>
    contentIds.subarray(0, Math.floor(promptTokens / blockSize));
  return {
    scores(request) {
      const ids = blocksOf(request);
      return sent.map((known) => {
        let matched = 0;
        while (matched < ids.length && known.has(ids[matched])) matched++;
        return ids.length === 0 ? 0 : matched / ids.length;
      });
    },
    record(request, replica) {
      const known = sent[replica];
      for (const id of blocksOf(request)) {
        if (!known.delete(id) && known.size >= capacity) known.delete(known.values().next().value);
        known.add(id);
      }
    },
  };
}

/** sim/routing_scorers.go, with each of what differs here as a choice. */
function weighted({ weights, prefix, capacity = 10_000, queueOf = effectiveLoad, anyOfEquals = false }) {
  return {
    name: "weighted",
    start: ({ random }) => {
      const index = prefix === "sent" ? sentBlocks(capacity) : undefined;
      return {
        route: (request, all) => {
          const found = index ? index.scores(request) : byPlace(all.map((one) => -one.cachedTokens(request)));
          const queue = byPlace(all.map(queueOf));
          const sums = all.map(
            ({ freeBlocks, capacityBlocks }, i) =>
              weights[0] * found[i] + weights[1] * queue[i] + weights[2] * (freeBlocks / capacityBlocks),
          );
          const most = Math.max(...sums);
          const best = sums.flatMap((sum, i) => (sum === most ? [i] : []));
          const replica = anyOfEquals ? best[random.integer(best.length)] : best[0];
          index?.record(request, replica);
          return replica;
        },
      };
    },
  };
}

const queued = ({ waiting }) => waiting;
const sent = { weights: [3, 2, 2], prefix: "sent" };
const precise = { weights: [2, 1, 1], prefix: "precise" };
/** Ours, and theirs step by step into ours. */
const pairs = [
  ["round-robin", [["as published", "round-robin"]]],
  ["least-loaded", [["as published", leastLoaded()]]],
  [
    "weighted:prefix=3:queue=2:kv-use=2:refresh=0",
    [
      ["as published", weighted(sent)],
      ["queue without the batch", weighted({ ...sent, queueOf: queued })],
      ["any of equals", weighted({ ...sent, queueOf: queued, anyOfEquals: true })],
      [
        "remembers as many blocks",
        weighted({ ...sent, queueOf: queued, anyOfEquals: true, capacity: 31_250 }),
      ],
    ],
  ],
  [
    "precise-prefix:prefix=2:queue=1:kv-use=1:refresh=0",
    [
      ["as published", weighted(precise)],
      ["queue without the batch", weighted({ ...precise, queueOf: queued })],
      ["any of equals", weighted({ ...precise, queueOf: queued, anyOfEquals: true })],
    ],
  ],
];

async function main() {
  const { values } = parseArgs({
    options: {
      data: { type: "string", default: fileURLToPath(new URL("../../../shared/data", import.meta.url)) },
      requests: { type: "string", default: "1500" },
    },
  });
  const rows = [];
  let isOff = false;
  for (const [format, name] of [
    ["mooncake", "mooncake/conversation_trace.jsonl.gz"],
    ["weka", "weka/trace_0021.json.gz"],
    ["weka", "weka/trace_0159.json.gz"],
  ]) {
    const path = join(values.data, name);
    if (!existsSync(path)) {
      rows.push([name, `skipped: ${path} is absent`, "", "", "", ""]);
      continue;
    }
    const { trace } = workloadOf(await importTrace(format, path));
    const workload = workloadOf({ ...trace, records: trace.records.slice(0, Number(values.requests)) });
    const shareUnder = (router) => {
      const { reuse } = replay(workload, { model, engine, replicas, router, gaps: false, tellsReuse: true });
      return reuse.deliveredTokens / reuse.promptTokens;
    };
    for (const [ours, steps] of pairs) {
      const own = shareUnder(ours);
      for (const [k, [what, theirs]] of steps.entries()) {
        const share = shareUnder(theirs);
        const points = 100 * (own - share);
        if (k === steps.length - 1 && Math.abs(points) > 100 * tolerance) isOff = true;
        rows.push([
          name,
          k === 0 ? ours : "",
          what,
          ...[share, own].map((x) => x.toFixed(4)),
          points.toFixed(2),
        ]);
      }
    }
  }
  const header = ["file", "router", "step", "after BLIS", "prefixlab", "points"];
  process.stdout.write(formatRows([header, ...rows]));
  return isOff ? 1 : 0;
}

process.exitCode = await main();
