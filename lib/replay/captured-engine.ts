import type { EngineSettings } from "../settings/index.js";
import { dataParallel, type TraceMeta } from "../trace/index.js";
import { schedulesAhead } from "./schedules-ahead.js";

/**
 * The captured engine's settings, as far as the trace tells them. A trace's block size is that of its hashes, and says
 * nothing of the engine's blocks; where an engine finds prefixes in slots, to the token, it is the grain of what is known.
 * Data-parallel ranks that make their steps together are one engine with the seats, budget and blocks of all, in which one
 * prefill takes no more of a step than one rank could give it.
 * @example
 * ```ts
 * import { capturedEngine, readCapture } from "prefixlab";
 * const { meta } = await readCapture({ role: "judge", scenario: "cold", seed: 1 });
 * capturedEngine(meta); // → { blockSize: 32, kvCacheBlocks: 8191, maxNumSeqs: 64, maxNumBatchedTokens: 512, enablePrefixCaching: false }
 * ```
 */
export function capturedEngine(meta: TraceMeta): Partial<EngineSettings> {
  const { engine = {}, blockSize } = meta;
  const isAhead = engine.asyncScheduling ?? schedulesAhead(meta);
  const usesGrain =
    engine.prefixReuse === "slots" && engine.blockSize === undefined && blockSize !== undefined;
  return {
    ...engine,
    ...ranksAsOne(meta),
    ...(isAhead !== undefined && { asyncScheduling: isAhead }),
    ...(usesGrain && { blockSize }),
  };
}

function ranksAsOne(meta: TraceMeta): Partial<EngineSettings> {
  const { ranks, isLockstep } = dataParallel(meta);
  if (!isLockstep) return {};
  const { maxNumSeqs, maxNumBatchedTokens, kvCacheBlocks, longPrefillTokenThreshold } = meta.engine ?? {};
  return {
    ...(maxNumSeqs !== undefined && { maxNumSeqs: ranks * maxNumSeqs }),
    ...(kvCacheBlocks !== undefined && { kvCacheBlocks: ranks * kvCacheBlocks }),
    ...(maxNumBatchedTokens !== undefined && {
      maxNumBatchedTokens: ranks * maxNumBatchedTokens,
      longPrefillTokenThreshold: Math.min(
        longPrefillTokenThreshold || maxNumBatchedTokens,
        maxNumBatchedTokens,
      ),
    }),
  };
}
