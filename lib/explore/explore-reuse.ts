import type { Tokens } from "../base/index.js";
import { explainMisses, type MissCause } from "../explain/index.js";
import type { Replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { memoryCurve, servedInTurn } from "../size/index.js";

/** Prompt tokens of a replay by where they came from, or why they were computed. */
export interface ExploreReuse {
  readonly promptTokens: Tokens;
  readonly cachedTokens: Tokens;
  /** Of the cached ones: those loaded from the tiers behind the pool, by their names. */
  readonly lowerTokens: Readonly<Record<string, Tokens>>;
  /** By cause, which add up to what was not cached; undefined where they cannot be told apart, with the reason. */
  readonly causes?: Readonly<Partial<Record<MissCause, Tokens>>>;
  readonly whyNoCauses?: string;
}

/** Share of prompt tokens found against pool size, one request after another. */
export interface ExploreHitCurve {
  readonly poolTokens: Float64Array;
  readonly lru: Float64Array;
  readonly optimum: Float64Array;
  readonly unbounded: number;
}

/** Where the prompt tokens of a replay came from. */
export function reuseOf(replayed: Replay): ExploreReuse {
  const { run, trace, conditions, plan, tierUse } = replayed;
  let [promptTokens, cachedTokens] = [0, 0];
  trace.records.forEach((record, i) => {
    if (run.cachedTokens[i] < 0) return;
    promptTokens += record.promptTokens;
    cachedTokens += run.cachedTokens[i];
  });
  const whyNoCauses =
    plan.prompts === "unique"
      ? "every prompt is unique: nothing can be found"
      : conditions.tiers.length > 0
        ? "there is memory behind the pool: what left the pool may be there"
        : trace.records.every(({ blockIds }) => blockIds === undefined)
          ? "the trace has no block hashes: no prompt is known to share anything"
          : promptTokens === 0
            ? "no request was served"
            : undefined;
  const sums = { promptTokens, cachedTokens, lowerTokens: tierUse?.lowerTokens ?? {} };
  if (whyNoCauses !== undefined) return { ...sums, whyNoCauses };
  const { causes } = explainMisses(replayed, {
    engine: conditions.engine.settings,
    admittedMs: run.admittedMs,
  });
  const told = Object.entries(causes).filter(([, { tokens }]) => tokens > 0);
  return { ...sums, causes: Object.fromEntries(told.map(([cause, { tokens }]) => [cause, tokens])) };
}

/** Sizes for which a curve has rows. */
const curveSizes = 60;

/** The hit-rate curve of a workload in blocks of a size; undefined where no request has block hashes. */
export function hitCurveOf(workload: Workload, blockSize: Tokens): ExploreHitCurve | undefined {
  if (workload.trace.records.every(({ blockIds }) => blockIds === undefined)) return undefined;
  const { rows, unbounded } = memoryCurve(servedInTurn(workload, { blockSize }), { sizes: curveSizes });
  return {
    poolTokens: Float64Array.from(rows, (row) => row.poolTokens),
    lru: Float64Array.from(rows, (row) => row.lru),
    optimum: Float64Array.from(rows, (row) => row.optimum),
    unbounded,
  };
}
