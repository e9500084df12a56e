import { type Ms, quantile, type Tokens } from "../base/index.js";
import { type ReplayOptions, replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";

/** What a replay makes of one pool size. */
export interface TtftByPoolRow {
  readonly poolTokens: Tokens;
  /** Share of prompt tokens found: less than where requests are served one after another, for running ones hold blocks. */
  readonly cachedShare: number;
  readonly ttftMs: { readonly p50: Ms; readonly p99: Ms };
  readonly preemptions: number;
}

/** Prompts that find more wait longer all the same, from one size to the next. */
export interface SlowerWithMore {
  readonly fromTokens: Tokens;
  readonly toTokens: Tokens;
  readonly quantile: "p50" | "p99";
  readonly fromMs: Ms;
  readonly toMs: Ms;
}

/**
 * TTFT of a workload's replays with pools of several sizes, the same seed in each.
 * @throws InputError as {@link replay} does, and when a request has no room
 * @example
 * ```ts
 * import { latencyProfile, readCapture, workloadOf } from "prefixlab";
 * import { ttftByPool } from "prefixlab/size";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const rows = ttftByPool(workload, [2560, 5120], { model: latencyProfile("h200-qwen3-8b"), engine: { maxNumSeqs: 8 } });
 * rows.map(({ cachedShare }) => cachedShare); // → [0.5476, 0.9111]
 * ```
 */
export function ttftByPool(
  workload: Workload,
  poolTokens: readonly Tokens[],
  options: ReplayOptions,
): TtftByPoolRow[] {
  const blockSize = options.engine?.blockSize ?? workload.trace.meta.blockSize ?? 16;
  return poolTokens.map((tokens, at) => {
    const { onProgress } = options;
    const { trace, run } = replay(workload, {
      ...options,
      engine: { ...options.engine, blockSize, kvCacheBlocks: Math.floor(tokens / blockSize) },
      gaps: false,
      ...(onProgress && { onProgress: (done: number) => onProgress((at + done) / poolTokens.length) }),
    });
    const ttftMs = trace.records.flatMap((record) => record.ttftMs ?? []);
    const of = (p: number) => quantile(ttftMs, p) ?? Number.NaN;
    const sum = (value: (record: (typeof trace.records)[number]) => number) =>
      trace.records.reduce((total, record) => total + value(record), 0);
    return {
      poolTokens: tokens,
      cachedShare: sum((record) => record.cachedTokens ?? 0) / sum((record) => record.promptTokens),
      ttftMs: { p50: of(0.5), p99: of(0.99) },
      preemptions: run.preemptions,
    };
  });
}

/**
 * Steps to a larger pool at which TTFT rises although more is found: a shorter prefill lets requests in sooner, and those
 * that decode together slow each other.
 * @param rows by growing size
 * @param margin a rise counts from this part on. Default 0.02
 * @example
 * ```ts
 * import { slowerWithMore } from "prefixlab/size";
 * const row = (poolTokens: number, cachedShare: number, p50: number) =>
 *   ({ poolTokens, cachedShare, ttftMs: { p50, p99: 100 }, preemptions: 0 });
 * slowerWithMore([row(1000, 0.2, 40), row(2000, 0.3, 50)]).map(({ quantile }) => quantile); // → ["p50"]
 * ```
 */
export function slowerWithMore(rows: readonly TtftByPoolRow[], margin = 0.02): SlowerWithMore[] {
  return rows.slice(1).flatMap((row, at) => {
    const before = rows[at];
    if (row.cachedShare <= before.cachedShare) return [];
    return (["p50", "p99"] as const).flatMap((q) =>
      row.ttftMs[q] > before.ttftMs[q] * (1 + margin)
        ? [
            {
              fromTokens: before.poolTokens,
              toTokens: row.poolTokens,
              quantile: q,
              fromMs: before.ttftMs[q],
              toMs: row.ttftMs[q],
            },
          ]
        : [],
    );
  });
}
