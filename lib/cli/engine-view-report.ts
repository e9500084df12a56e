import type { EngineViewComparison, OrderAgreement } from "../judge/index.js";

const count = (value: number): string => value.toLocaleString("en-US");

/** An engine's own view against the capture, for people: one line a thing. */
export function engineViewLines({ counters, pool, doubts }: EngineViewComparison): string[] {
  const lines: string[] = [];
  if (counters?.hitTokens !== undefined) {
    const { hitTokens, queriedTokens, rowCachedTokens, rowPromptTokens, rowsWithoutCached } = counters;
    const queried = queriedTokens === undefined ? "" : ` of ${count(queriedTokens)} queried tokens`;
    const unsaid = rowsWithoutCached === 0 ? "" : `, and ${rowsWithoutCached} rows do not say`;
    lines.push(
      `the engine counted ${count(hitTokens)} prefix hits${queried}; the rows say ${count(rowCachedTokens)} of ${count(rowPromptTokens)}${unsaid}`,
    );
  }
  if (counters) {
    const { preemptions, mostRunning, mostWaiting, looks, restarts } = counters;
    const parts = [
      ...(preemptions === undefined ? [] : [`${preemptions} preemptions`]),
      ...(mostRunning === undefined ? [] : [`at most ${mostRunning} running`]),
      ...(mostWaiting === undefined ? [] : [`${mostWaiting} waiting`]),
    ];
    const again = restarts === 0 ? "" : `; it was started anew ${restarts} times`;
    if (parts.length > 0) lines.push(`the engine counted ${parts.join(", ")}, in ${looks} looks${again}`);
  }
  if (pool) {
    const { kvCacheBlocks, blockSize, stored, removed, preemptions, rowsAlike, rowsWithCached } = pool;
    lines.push(
      `the engine stored ${count(stored.a)} blocks and removed ${count(removed.a)}; the simulated pool of ${count(kvCacheBlocks)} blocks of ${blockSize}, on the captured clock, stored ${count(stored.b)} and removed ${count(removed.b)}`,
      `  the same blocks stored: ${agreement(stored)}; removed: ${agreement(removed)}`,
      `  simulated: ${preemptions} preemptions; as many cached tokens in ${rowsAlike} of ${rowsWithCached} rows`,
    );
  }
  return [...lines, ...doubts.map((doubt) => `  doubt: ${doubt}`)];
}

function agreement({ a, both, inOrder }: OrderAgreement): string {
  return `${count(both)} of ${count(a)}, ${count(inOrder)} of them in the same order`;
}

/** The same as the keys of a JSON document. */
export function engineViewJson({ counters, pool, doubts }: EngineViewComparison): Record<string, unknown> {
  const agreed = ({ a, b, both, inOrder }: OrderAgreement) => ({
    engine: a,
    modeled: b,
    both,
    in_order: inOrder,
  });
  return {
    counters: counters
      ? {
          looks: counters.looks,
          restarts: counters.restarts,
          queried_tokens: counters.queriedTokens ?? null,
          hit_tokens: counters.hitTokens ?? null,
          row_prompt_tokens: counters.rowPromptTokens,
          row_cached_tokens: counters.rowCachedTokens,
          rows_without_cached: counters.rowsWithoutCached,
          preemptions: counters.preemptions ?? null,
          most_running: counters.mostRunning ?? null,
          most_waiting: counters.mostWaiting ?? null,
        }
      : null,
    pool: pool
      ? {
          block_size: pool.blockSize,
          kv_cache_blocks: pool.kvCacheBlocks,
          stored: agreed(pool.stored),
          removed: agreed(pool.removed),
          preemptions: pool.preemptions,
          rows_with_cached: pool.rowsWithCached,
          rows_alike: pool.rowsAlike,
        }
      : null,
    doubts,
  };
}
