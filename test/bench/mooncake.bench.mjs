// A production trace replayed at its recorded rate: plan, simulation and per-request results, after reading.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { importTrace, inferSessions, latencyProfile, planReplay, simulate } from "prefixlab";
import { modeledTrace } from "prefixlab/replay";
import { atLeast, rateCase, skipped } from "./yardstick.mjs";

const path = fileURLToPath(
  new URL("../../../shared/data/mooncake/conversation_trace.jsonl.gz", import.meta.url),
);

/** Tokens of KV cache, whatever the size of its blocks. */
const poolTokens = 65_536 * 16;

export async function bench() {
  if (!existsSync(path))
    return [
      skipped(
        "Mooncake conversation",
        "needs conversation_trace.jsonl of kvcache-ai/Mooncake, gzipped, in ../shared/data/mooncake",
      ),
    ];
  const trace = await importTrace("mooncake", path);
  const sessions = inferSessions(trace);
  const model = latencyProfile("h200-qwen3-8b");
  const n = trace.records.length;
  const replayed = (blockSize, gaps) => () => {
    const plan = planReplay({ trace, sessions }, { pacing: "open-loop", blockSize });
    const engine = { blockSize, kvCacheBlocks: poolTokens / blockSize };
    const run = simulate({
      requests: plan.requests,
      model,
      engine,
      contentCount: plan.contentCount,
      seed: 1,
    });
    return modeledTrace(trace, plan, run, { gaps });
  };
  const name = `Mooncake conversation, ${n} requests`;
  const rate = (title, aim, work) =>
    rateCase(`${name}, ${title}`, "requests/s", n, work, { aim: atLeast(aim), rounds: 9 });
  return [
    rate("512-token pool blocks", 100_000, replayed(512, false)),
    rate("512-token pool blocks, every gap", 20_000, replayed(512, true)),
    rate("16-token pool blocks", 20_000, replayed(16, false)),
  ];
}
