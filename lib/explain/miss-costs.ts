import type { Ms } from "../base/index.js";
import { type ReplayOptions, replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { type BootstrapInterval, clusterBootstrap } from "../survival/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";
import type { MissExplanation } from "./explain-misses.js";
import type { MissCause } from "./miss-causes.js";

/** What a cause costs: how much sooner the first token would come without it, mean over all requests. */
export interface MissCost {
  readonly ttftMs: BootstrapInterval;
}

/** Causes that a replay can do without. */
const removable = ["diverged", "evicted", "off"] as const;

/**
 * What each cause costs in TTFT: the workload replayed as it is and without the cause, on the same arrivals and draws. The
 * difference is the mean over the requests that both served, with an interval over sessions. Without `evicted` the pool
 * holds all that was ever in it; without `diverged` prompts go on as the ones that they left; without `off` prefixes are
 * cached. Other causes are not removed by a setting, and have no cost here.
 * @param options as the replay that was explained
 * @example
 * ```ts
 * import { latencyProfile, readCapture, workloadOf } from "prefixlab";
 * import { explainMisses, missCosts } from "prefixlab/explain";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "cold", seed: 1 }));
 * const costs = missCosts(workload, explainMisses(workload), { model: latencyProfile("h200-qwen3-8b") });
 * Object.keys(costs); // → ["off"]
 * ```
 */
export function missCosts(
  workload: Workload,
  explanation: MissExplanation,
  options: ReplayOptions,
): Partial<Record<MissCause, MissCost>> {
  const run = (other: Workload, engine: ReplayOptions["engine"] = {}) =>
    replay(other, { ...options, engine: { ...options.engine, ...engine }, gaps: false }).trace.records;
  const base = run(workload);
  const without = (cause: (typeof removable)[number]): readonly TraceRecord[] => {
    if (cause === "evicted") return run(workload, { kvCacheBlocks: explanation.peakBlocks });
    if (cause === "off") return run(workload, { enablePrefixCaching: true });
    return run({ ...workload, trace: withoutDivergence(workload, explanation) });
  };
  return Object.fromEntries(
    removable
      .filter((cause) => explanation.causes[cause].tokens > 0)
      .map((cause) => [cause, { ttftMs: meanSaved(base, without(cause), workload) }]),
  );
}

function meanSaved(
  before: readonly TraceRecord[],
  after: readonly TraceRecord[],
  { sessions }: Workload,
): BootstrapInterval {
  const savedMs: Ms[] = [];
  const clusters: number[] = [];
  before.forEach(({ ttftMs }, i) => {
    const other = after[i].ttftMs;
    if (ttftMs === undefined || other === undefined) return;
    savedMs.push(ttftMs - other);
    clusters.push(sessions.session[i]);
  });
  const mean = (rows: Int32Array) => {
    let sum = 0;
    for (const row of rows) sum += savedMs[row];
    return rows.length === 0 ? undefined : sum / rows.length;
  };
  return clusterBootstrap(clusters, mean, { replicates: 400 });
}

/** The trace as it would be if what diverged had gone on as the prompt that it left. */
function withoutDivergence({ trace }: Workload, { requests, blockTokens }: MissExplanation): Trace {
  const blockSize = trace.meta.blockSize ?? blockTokens;
  const same = Int32Array.from({ length: trace.blocks.size }, (_, id) => id);
  for (const { index, parts } of requests)
    for (const { from, fromToken, tokens } of parts) {
      if (from === undefined) continue;
      const own = trace.records[index].blockIds ?? new Int32Array(0);
      const other = sequenceOf(trace.records[from]);
      const end = Math.min(Math.floor((fromToken + tokens) / blockSize), own.length, other.length);
      for (let k = Math.floor(fromToken / blockSize); k < end; k++) same[own[k]] = same[other[k]];
    }
  const renamed = (ids: Int32Array | undefined) => ids?.map((id) => same[id]);
  const records = trace.records.map((record): TraceRecord => {
    const blockIds = renamed(record.blockIds);
    const outputBlockIds = renamed(record.outputBlockIds);
    return { ...record, ...(blockIds && { blockIds }), ...(outputBlockIds && { outputBlockIds }) };
  });
  return { ...trace, records };
}

function sequenceOf({ blockIds, outputBlockIds }: TraceRecord): readonly number[] {
  return [...(blockIds ?? []), ...(outputBlockIds ?? [])];
}
