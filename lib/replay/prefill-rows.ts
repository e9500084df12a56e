import type { Tokens } from "../base/index.js";
import { loadOverTime } from "./load-over-time.js";
import type { Replay } from "./run-replay.js";

/** How one prefill engine of a replay fared. */
export interface PrefillRow {
  readonly prefill: number;
  /** Whose prompts it was to compute, and their tokens. */
  readonly requests: number;
  readonly promptTokens: Tokens;
  /** Found in its cache at first admissions, of the prompt tokens of those that it admitted; undefined where it admitted none. */
  readonly hitShare: number | undefined;
  /** Tokens of the blocks that decode engines read from it. */
  readonly movedTokens: Tokens;
  /** Of the time until the last engine stopped, that in which it made steps. */
  readonly busyShare: number;
  /** Most requests that waited for it at one time. */
  readonly peakWaiting: number;
  readonly preemptions: number;
}

/**
 * How the prefill engines of a replay fared, one row each; none where there are none.
 * @example
 * ```ts
 * import { latencyProfile, readCapture, replay, workloadOf } from "prefixlab";
 * import { prefillRows } from "prefixlab/replay";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const model = latencyProfile("h200-qwen3-8b");
 * const rows = prefillRows(replay(workload, { model, prefill: { replicas: 2 } }));
 * rows.map(({ requests }) => requests); // → [160, 160]
 * ```
 */
export function prefillRows({ trace, run, virtualMs }: Replay): PrefillRow[] {
  const { prefill } = run;
  if (!prefill) return [];
  return prefill.engines.map(({ busyMs, preemptions }, engine) => {
    const own = trace.records.flatMap(({ promptTokens }, i) =>
      prefill.replica[i] === engine
        ? [{ promptTokens, cachedTokens: run.cachedTokens[i], movedTokens: prefill.movedTokens[i] }]
        : [],
    );
    const admitted = own.filter(({ cachedTokens }) => cachedTokens >= 0);
    const queried = admitted.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
    const found = admitted.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0);
    return {
      prefill: engine,
      requests: own.length,
      promptTokens: own.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
      hitShare: queried === 0 ? undefined : found / queried,
      movedTokens: own.reduce((sum, { movedTokens }) => sum + Math.max(0, movedTokens), 0),
      busyShare: virtualMs > 0 ? busyMs / virtualMs : 0,
      peakWaiting: loadOverTime(run, engine, "prefill").waiting.reduce(
        (most, waiting) => Math.max(most, waiting),
        0,
      ),
      preemptions,
    };
  });
}
