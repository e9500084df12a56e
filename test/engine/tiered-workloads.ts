import fc from "fast-check";
import { type EngineOptions, engineOptions, lowerTiers } from "../../lib/engine/index.js";
import type { NaiveJob } from "./naive-engine.js";
import { NaiveTiers } from "./naive-tiers.js";
import { workloads } from "./workloads.js";

/** 1 MiB a token: 1 GiB is 1024 tokens. */
const kvBytesPerToken = 2 ** 20;

/** Settings of tiers that hold so many tokens. */
export function tiersOf(cpuTokens: number, diskTokens: number) {
  return { cpuKvGib: cpuTokens / 1024, diskKvGib: diskTokens / 1024, kvBytesPerToken };
}

/** Random requests on a small engine with random tiers behind its pool, over slow links. */
export const tieredWorkloads = fc
  .record({
    workload: workloads,
    cpuBlocks: fc.integer({ min: 0, max: 80 }),
    diskBlocks: fc.integer({ min: 0, max: 120 }),
    cpuKvGbps: fc.double({ min: 0.05, max: 20, noNaN: true }),
    diskKvGbps: fc.double({ min: 0.05, max: 20, noNaN: true }),
    chunkBlocks: fc.constantFrom(1, 1, 2, 3),
    offloadPromptOnly: fc.boolean(),
  })
  .map(({ workload: { requests, options }, cpuBlocks, diskBlocks, chunkBlocks, ...links }) => ({
    requests,
    options: engineOptions({
      ...options,
      ...tiersOf(cpuBlocks * options.blockSize, diskBlocks * options.blockSize),
      ...links,
      enablePrefixCaching: true,
      kvChunkTokens: chunkBlocks * options.blockSize,
    }),
  }));

/** The same tiers for the naive engine. */
export function naiveTiersOf(options: EngineOptions): NaiveTiers<NaiveJob> | undefined {
  const { blockSize, kvChunkTokens = blockSize } = options;
  const tiers = lowerTiers(options).map(({ tokens, tokensPerMs, latencyMs }) => ({
    chunks: Math.floor(tokens / kvChunkTokens),
    tokensPerMs,
    latencyMs,
  }));
  return tiers.length > 0 ? new NaiveTiers<NaiveJob>(tiers, kvChunkTokens / blockSize, blockSize) : undefined;
}
