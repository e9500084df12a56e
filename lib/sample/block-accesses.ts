import type { BlockAccess } from "../cache/index.js";
import { workloadChains } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { defaultBlockSize } from "../trace/index.js";

/** What a pool of the trace's own block size is asked for, request by request, in the order of arrival. */
export function blockAccesses(workload: Workload): {
  readonly accesses: readonly BlockAccess[];
  readonly contentCount: number;
} {
  const { trace } = workload;
  const blockSize = trace.meta.blockSize ?? defaultBlockSize;
  const { contentIds, contentCount } = workloadChains(workload, { blockSize });
  const accesses = trace.records.map(({ promptTokens }, i) => ({
    contentIds: contentIds[i],
    promptBlocks: Math.floor(promptTokens / blockSize),
  }));
  return { accesses, contentCount };
}
