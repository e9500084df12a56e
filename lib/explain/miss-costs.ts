import { type Ms, selectQuantiles, type Tokens } from "../base/index.js";
import { type Replay, type ReplayOptions, replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { type BootstrapInterval, clusterBootstrapAll } from "../survival/index.js";
import type { MissExplanation } from "./explain-misses.js";
import type { MissCause } from "./miss-causes.js";
import { withoutDivergence, withToldLosses } from "./rewritten-blocks.js";

/** What a cause costs: what its absence would save, over the requests that both replays served. */
export interface MissCost {
  /** What was replayed in its place, in words. */
  readonly without: string;
  /** How much sooner the first token would come, mean over requests. */
  readonly ttftMs: BootstrapInterval;
  /** The same of the time from sending to admission alone, in which a request waits for others. */
  readonly queueMs: BootstrapInterval;
  /** How much lower the median TTFT would be; undefined where no request was served in both. */
  readonly ttftP50Ms: Ms | undefined;
  /** Prompt tokens that would be found, less those that are in the replay with the cause. */
  readonly foundTokens: Tokens;
}

/** Costs of the causes that a replay can do without, and the replay with all of them, to be held against the capture. */
export interface MissCosts {
  readonly replayed: { readonly meanTtftMs: Ms | undefined; readonly cachedTokens: Tokens };
  readonly causes: Readonly<Partial<Record<MissCause, MissCost>>>;
}

/** A replay with blocks of one token is made for traces up to this size. */
const MOST_TOKENS_ONE_BY_ONE = 2e7;

interface Removal {
  readonly without: string;
  readonly workload?: Workload;
  readonly engine?: ReplayOptions["engine"];
}

/**
 * What each cause costs: the workload replayed with it and without it, on the same arrivals and draws. What the engine lost
 * in resets is lost in every replay but the one without `reset`, what an answer lost by coming back changed in all but the
 * one without `diverged`. Without `evicted` the pool holds all that was ever in it
 * (so too in place of slots, without `evicted_order_unknown`); without `diverged` prompts go on as the ones that they left;
 * without `off` prefixes are cached; without `block_tail` blocks hold one token. A first use cannot be helped, and what is
 * not ready no setting makes so: these have no cost here. Nor has what was elsewhere: to have it found is to send requests
 * to other replicas, which changes what else these hold. Intervals are over sessions.
 * @param explanation of the workload, or of its replay under the same options
 * @param options as the replay that was explained
 * @example
 * ```ts
 * import { latencyProfile, readCapture, workloadOf } from "prefixlab";
 * import { explainMisses, missCosts } from "prefixlab/explain";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "cold", seed: 1 }));
 * const { causes } = missCosts(workload, explainMisses(workload), { model: latencyProfile("h200-qwen3-8b") });
 * Object.keys(causes); // → ["block_tail", "off"]
 * ```
 */
export function missCosts(
  workload: Workload,
  explanation: MissExplanation,
  options: ReplayOptions,
): MissCosts {
  const run = ({ workload: other = lossy, engine = {} }: Partial<Removal>) =>
    replay(other, { ...options, engine: { ...options.engine, ...engine }, gaps: false });
  const lossy = withToldLosses(workload, explanation);
  const base = run({});
  const removals = removalsOf(workload, lossy, explanation, base);
  const { records } = base.trace;
  const ttftMs = records.flatMap(({ ttftMs }) => (ttftMs === undefined ? [] : [ttftMs]));
  return {
    replayed: {
      meanTtftMs: ttftMs.length === 0 ? undefined : ttftMs.reduce((sum, ms) => sum + ms, 0) / ttftMs.length,
      cachedTokens: cachedTokensOf(base),
    },
    causes: Object.fromEntries(
      Object.entries(removals)
        .filter(([cause]) => explanation.causes[cause as MissCause].tokens > 0)
        .map(([cause, removal]) => [
          cause,
          { without: removal.without, ...savedBetween(base, run(removal), workload) },
        ]),
    ),
  };
}

function removalsOf(
  workload: Workload,
  lossy: Workload,
  explanation: MissExplanation,
  base: Replay,
): Partial<Record<MissCause, Removal>> {
  const { causes, peakBlocks, resetsMs } = explanation;
  const { blockSize, kvCacheBlocks, prefixReuse } = base.conditions.engine.settings;
  const tokens = workload.trace.records.reduce((sum, r) => sum + r.promptTokens + r.outputTokens, 0);
  const wholePool = Math.max(kvCacheBlocks, Math.ceil((peakBlocks * explanation.blockTokens) / blockSize));
  const pool = `a pool of ${wholePool} blocks, which gives none up`;
  return {
    diverged: {
      without: "prompts go on as those that they left",
      workload: { ...lossy, trace: withoutDivergence(lossy, explanation) },
    },
    evicted: { without: pool, engine: { kvCacheBlocks: wholePool } },
    ...(tokens <= MOST_TOKENS_ONE_BY_ONE &&
      prefixReuse !== "slots" && {
        block_tail: {
          without: "blocks of one token",
          engine: { blockSize: 1, kvCacheBlocks: Math.min(kvCacheBlocks * blockSize, tokens + 1) },
        },
      }),
    off: { without: "prefix caching on", engine: { enablePrefixCaching: true } },
    ...(resetsMs.length > 0 && {
      reset: {
        without: "the cache never lost",
        workload: withToldLosses(workload, { ...explanation, resetsMs: [] }),
      },
    }),
    // Where single evictions are known too, the larger pool does without both.
    ...(causes.evicted.tokens === 0 && {
      evicted_order_unknown: {
        without: prefixReuse === "slots" ? `instead of slots, ${pool}` : pool,
        engine: { prefixReuse: "blocks", kvCacheBlocks: wholePool },
      },
    }),
  };
}

function cachedTokensOf({ trace }: Replay): Tokens {
  return trace.records.reduce((sum, { cachedTokens = 0 }) => sum + cachedTokens, 0);
}

/** What the second replay saves of the first. */
function savedBetween(before: Replay, after: Replay, { sessions }: Workload): Omit<MissCost, "without"> {
  const both = before.trace.records.flatMap(({ ttftMs }, i) =>
    ttftMs === undefined || after.trace.records[i].ttftMs === undefined ? [] : [i],
  );
  const ttftOf = ({ trace }: Replay) => Float64Array.from(both, (i) => trace.records[i].ttftMs as Ms);
  const queueOf = ({ run }: Replay) => Float64Array.from(both, (i) => run.admittedMs[i] - run.fireMs[i]);
  const foundTokens = cachedTokensOf(after) - cachedTokensOf(before);
  if (both.length === 0)
    return { ttftMs: noInterval, queueMs: noInterval, ttftP50Ms: undefined, foundTokens };
  const saved = (of: (replay: Replay) => Float64Array) => {
    const other = of(after);
    return of(before).map((ms, k) => ms - other[k]);
  };
  const columns = [saved(ttftOf), saved(queueOf)];
  const [ttftMs, queueMs] = clusterBootstrapAll(
    both.map((i) => sessions.session[i]),
    (rows) => columns.map((column) => meanAt(column, rows)),
    { replicates: 400 },
  );
  const [p50Before, p50After] = [before, after].map((run) => selectQuantiles(ttftOf(run), [0.5])[0] as Ms);
  return { ttftMs, queueMs, ttftP50Ms: p50Before - p50After, foundTokens };
}

const noInterval: BootstrapInterval = {
  estimate: undefined,
  lower: undefined,
  upper: undefined,
  standardError: undefined,
  replicates: new Float64Array(0),
  missing: 0,
};

function meanAt(values: Float64Array, rows: Int32Array): number | undefined {
  let sum = 0;
  for (const row of rows) sum += values[row];
  return rows.length === 0 ? undefined : sum / rows.length;
}
