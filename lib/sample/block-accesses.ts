import type { BlockAccess } from "../cache/index.js";
import { poolChains, sequenceBlocks } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { defaultBlockSize } from "../trace/index.js";

/** What a pool of the trace's own block size is asked for, request by request, in the order of arrival. */
export function blockAccesses({ trace, sessions }: Workload): {
  readonly accesses: readonly BlockAccess[];
  readonly contentCount: number;
} {
  const blockSize = trace.meta.blockSize ?? defaultBlockSize;
  const sequences = sequenceBlocks(trace, sessions.parent, blockSize);
  const { contentIds, contentCount } = poolChains(trace, sequences, blockSize, blockSize);
  const accesses = trace.records.map(({ promptTokens }, i) => ({
    contentIds: contentIds[i],
    promptBlocks: Math.floor(promptTokens / blockSize),
  }));
  return { accesses, contentCount };
}
