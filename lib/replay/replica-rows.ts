import type { Ms, Tokens } from "../base/index.js";
import { type Quantiles, summarizeCohort } from "../cohorts/index.js";
import { loadOverTime } from "./load-over-time.js";
import type { Replay } from "./run-replay.js";
import { firstLoad } from "./tier-use.js";

/** How one replica of a fleet fared. */
export interface ReplicaRow {
  readonly replica: number;
  /** Sent to it. */
  readonly requests: number;
  /** Of these requests. */
  readonly promptTokens: Tokens;
  /** Found at first admissions, of the prompt tokens of those that it admitted; undefined where it admitted none. */
  readonly hitShare: number | undefined;
  /** Of the same, found in the store that all replicas share; undefined where there is none. */
  readonly sharedHitShare?: number;
  readonly ttftMs: Quantiles;
  /** Of the time until the last engine stopped, that in which it made steps. */
  readonly busyShare: number;
  /** Most requests that waited for it at one time. */
  readonly peakWaiting: number;
  readonly preemptions: number;
}

/**
 * How the replicas of a replay fared, one row each.
 * @example
 * ```ts
 * import { latencyProfile, readCapture, replay, workloadOf } from "prefixlab";
 * import { replicaRows } from "prefixlab/replay";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const rows = replicaRows(replay(workload, { model: latencyProfile("h200-qwen3-8b"), replicas: 2 }));
 * rows.map(({ requests }) => requests); // → [160, 160]
 * ```
 */
export function replicaRows({ trace, run, virtualMs, conditions }: Replay): ReplicaRow[] {
  const store = conditions.tiers.findIndex(({ name }) => name === "shared");
  const sharedTokens = run.engines.map(() => 0);
  if (store >= 0)
    for (const load of run.kvLoads) sharedTokens[run.replica[load.tag]] += firstLoad(run, load)?.[store] ?? 0;
  const members = run.engines.map((): number[] => []);
  run.replica.forEach((replica, request) => {
    if (replica >= 0) members[replica].push(request);
  });
  return members.map((own, replica) => {
    const records = own.map((request) => trace.records[request]);
    const admitted = records.filter(({ cachedTokens }) => cachedTokens !== undefined);
    const queried = sum(admitted, ({ promptTokens }) => promptTokens);
    const { busyMs, preemptions } = run.engines[replica];
    return {
      replica,
      requests: own.length,
      promptTokens: sum(records, ({ promptTokens }) => promptTokens),
      hitShare: queried === 0 ? undefined : sum(admitted, ({ cachedTokens = 0 }) => cachedTokens) / queried,
      ...(store >= 0 && queried > 0 && { sharedHitShare: sharedTokens[replica] / queried }),
      ttftMs: summarizeCohort(records).ttftMs,
      busyShare: virtualMs > 0 ? busyMs / virtualMs : 0,
      peakWaiting: loadOverTime(run, replica).waiting.reduce((most, waiting) => Math.max(most, waiting), 0),
      preemptions,
    };
  });
}

function sum<T>(items: readonly T[], of: (item: T) => Ms | Tokens): number {
  return items.reduce((total, item) => total + of(item), 0);
}
