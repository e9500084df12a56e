// Fleets: Mooncake on 16 replicas at 16 times its rate behind each kind of router, and a million requests on 64.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { importTrace, inferSessions, latencyProfile, planReplay } from "prefixlab";
import { routers, runFleet } from "prefixlab/fleet";
import { multiturnRequests } from "./engine.bench.mjs";
import { atLeast, below, medianSeconds, rateCase, result, skipped } from "./yardstick.mjs";

const path = fileURLToPath(
  new URL("../../../shared/data/mooncake/conversation_trace.jsonl.gz", import.meta.url),
);
const model = latencyProfile("h200-qwen3-8b");

/** Tokens of KV cache of each replica, whatever the size of its blocks. */
const poolTokens = 65_536 * 16;

/** Mooncake's requests, their arrivals `replicas` times as fast. */
async function mooncake() {
  const trace = await importTrace("mooncake", path);
  const workload = { trace, sessions: inferSessions(trace) };
  return (replicas, router, blockSize = 512) => {
    const { requests, contentCount } = planReplay(workload, {
      pacing: "open-loop",
      blockSize,
      rateScale: replicas,
    });
    const engine = { blockSize, kvCacheBlocks: poolTokens / blockSize };
    return () => runFleet({ requests, contentCount, model, engine, replicas, router, seed: 1 });
  };
}

export async function bench() {
  if (!existsSync(path))
    return [
      skipped(
        "fleets",
        "needs conversation_trace.jsonl of kvcache-ai/Mooncake, gzipped, in ../shared/data/mooncake",
      ),
    ];
  const fleet = await mooncake();
  const n = 12_031;
  const rate = (router, blockSize, aim) =>
    rateCase(
      `Mooncake x 16 on 16 replicas, ${router}, ${blockSize}-token blocks`,
      "requests/s",
      n,
      fleet(16, router, blockSize),
      { ...(aim && { aim: atLeast(aim) }), rounds: 9 },
    );
  const one = medianSeconds(fleet(1, "round-robin"), 9);
  const many = medianSeconds(fleet(64, "round-robin"), 9);
  const million = multiturnRequests(1_000_000);
  // Twenty sessions a second on each.
  const requests = million.requests.map((request) =>
    request.fireAtMs === undefined ? request : { ...request, fireAtMs: request.fireAtMs / 64 },
  );
  const large = (router) => {
    const timed = rateCase(
      `synthetic multiturn on 64 replicas, ${router}, 1,000,000 requests`,
      "requests/s",
      1_000_000,
      () => runFleet({ requests, contentCount: million.contentCount, model, replicas: 64, router, seed: 1 }),
      { rounds: 1 },
    );
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    return { ...timed, peakRssBytes, aim: "< 60 s, < 3 GB", holds: timed.seconds < 60 && peakRssBytes < 3e9 };
  };
  return [
    ...Object.keys(routers).map((router) => rate(router, 512, 60_000)),
    rate("round-robin", 16),
    rate("kv-cost", 16),
    result({
      name: "Mooncake on 64 replicas at 64 times the rate, time over that of one at its rate",
      value: many / one,
      unit: "x",
      aim: below(2),
    }),
    large("round-robin"),
    large("kv-cost"),
  ];
}
