// A capture as a load generator records it, for benches: sessions of growing context over shared prefixes.
import { BlockTable } from "prefixlab/trace";
import { draws } from "./yardstick.mjs";

/**
 * A trace of `sessions` x `turns` records on an engine that answers in 100 ms and 10 ms a token, give or take a fifth;
 * Poisson arrivals at `ratePerSecond`, two shared prefixes, 16-token blocks.
 */
export function multiturnTrace({
  sessions = 64,
  turns = 5,
  prefixTokens = 1_600,
  promptTokens = 128,
  outputTokens = 24,
  ratePerSecond = 1,
} = {}) {
  const next = draws(7);
  const blocks = new BlockTable();
  const longest = Math.ceil((prefixTokens + turns * (promptTokens + outputTokens)) / 16);
  const chain = (owner) =>
    Int32Array.from({ length: longest }, (_, b) => blocks.intern(owner + 1, b * 2654435761));
  const prefixes = [chain(1_000_000), chain(1_000_001)];
  const records = [];
  let startMs = 0;
  for (let s = 0; s < sessions; s++) {
    startMs += (-Math.log(next()) * 1000) / ratePerSecond;
    const shared = Math.floor(prefixTokens / 16);
    const ids = chain(s);
    ids.set(prefixes[s % 2].subarray(0, shared));
    let arrivalMs = startMs;
    let context = prefixTokens;
    for (let turn = 1; turn <= turns; turn++) {
      const prompt = context + promptTokens;
      const full = Math.floor(prompt / 16);
      const ttftMs = 100 * (0.8 + 0.4 * next());
      const itlMs = Float64Array.from({ length: outputTokens - 1 }, () => 10 * (0.8 + 0.4 * next()));
      records.push({
        promptTokens: prompt,
        outputTokens,
        cachedTokens: 16 * (turn === 1 ? shared : Math.floor(context / 16)),
        arrivalMs,
        ttftMs,
        itlMs,
        concurrency: 1 + (s % 8),
        blockIds: ids.slice(0, full),
        outputBlockIds: ids.slice(full, Math.floor((prompt + outputTokens) / 16)),
        finishReason: "length",
        session: `s${s}`,
        turn,
      });
      arrivalMs += ttftMs + itlMs.reduce((sum, ms) => sum + ms, 0) + 500;
      context = prompt + outputTokens;
    }
  }
  records.sort((a, b) => a.arrivalMs - b.arrivalMs);
  return { meta: { blockSize: 16, extra: {} }, records, blocks, rejected: [], warnings: [] };
}
