import type { Blocks } from "../base/index.js";
import type { Workload } from "../sessions/index.js";
import { kaplanMeier, ksDistance, type SurvivalCurve } from "../survival/index.js";
import { fittedScale, largestGap, type PoolScale, scaledPool, wholePool } from "./pool-scale.js";
import { ceilingRate, hitRate, type RatedCurve } from "./rated-curve.js";
import { countOf } from "./sharing-units.js";

/** Hit rates of a sample beside those of the whole trace: LRU, requests one after another, shares of the prompt tokens. */
export interface CurveDistance {
  /** Largest difference over every pool size, and the whole trace's pool at which it is. */
  readonly distance: number;
  readonly atPoolBlocks: Blocks;
  readonly pool: PoolScale;
  /**
   * The smallest pool of the whole trace whose counterpart holds the sample's longest request, and the largest difference
   * from there on: smaller ones cannot run the sample.
   */
  readonly runnable: { readonly poolBlocks: Blocks; readonly distance: number };
  /** Hit rates of pools without bound. */
  readonly ceiling: { readonly whole: number; readonly sample: number };
  /** The curves at pools of the whole trace that double, and the sample's pools that go with them. */
  readonly rows: readonly {
    readonly poolBlocks: Blocks;
    readonly samplePoolBlocks: Blocks;
    readonly whole: number;
    readonly sample: number;
  }[];
}

/** How far a sample is from its trace. Largest vertical distances of two distributions (Kolmogorov-Smirnov). */
export interface SampleDistances {
  /** Undefined where no prompt has a full block with a hash. */
  readonly curve?: CurveDistance;
  readonly promptTokensKs: number;
  readonly outputTokensKs: number;
  /** Requests a session. */
  readonly turnsKs: number;
  /** Times of arrival on the trace's own clock; undefined where some are not recorded. */
  readonly arrivalKs?: number;
}

/** A trace against which samples of it are measured. */
export class SampleJudge {
  readonly #curve: RatedCurve | undefined;
  readonly #whole: DistributionCurves;

  /** @param curve undefined where the trace has no hashes */
  constructor(whole: Workload, curve: RatedCurve | undefined) {
    this.#curve = curve;
    this.#whole = distributionCurves(whole);
  }

  /** @param longestBlocks full blocks of prompt and answer of the sample's longest request */
  distances(sample: Workload, curve: RatedCurve, longestBlocks: Blocks): SampleDistances {
    const [whole, part] = [this.#whole, distributionCurves(sample)];
    return {
      ...(this.#curve && { curve: curveDistance(this.#curve, curve, longestBlocks) }),
      promptTokensKs: ksDistance(whole.promptTokens, part.promptTokens),
      outputTokensKs: ksDistance(whole.outputTokens, part.outputTokens),
      turnsKs: ksDistance(whole.turns, part.turns),
      ...(whole.arrivals && part.arrivals && { arrivalKs: ksDistance(whole.arrivals, part.arrivals) }),
    };
  }
}

interface DistributionCurves {
  readonly promptTokens: SurvivalCurve;
  readonly outputTokens: SurvivalCurve;
  readonly turns: SurvivalCurve;
  readonly arrivals?: SurvivalCurve;
}

function distributionCurves({ trace: { records }, sessions }: Workload): DistributionCurves {
  const curveOf = (times: Float64Array): SurvivalCurve => kaplanMeier({ times });
  const arrivals = Float64Array.from(records, ({ arrivalMs }) => arrivalMs ?? Number.NaN);
  return {
    promptTokens: curveOf(Float64Array.from(records, ({ promptTokens }) => promptTokens)),
    outputTokens: curveOf(Float64Array.from(records, ({ outputTokens }) => outputTokens)),
    turns: curveOf(requestsOf(sessions.session)),
    ...(!arrivals.some(Number.isNaN) && { arrivals: curveOf(arrivals) }),
  };
}

/** One number to choose by: a hundredth of the hit rate counts as much as two of a distribution. */
export function worstDistance(distances: SampleDistances): number {
  const { curve, promptTokensKs, outputTokensKs, turnsKs, arrivalKs = 0 } = distances;
  return Math.max(curve?.distance ?? 0, Math.max(promptTokensKs, outputTokensKs, turnsKs, arrivalKs) / 2);
}

function curveDistance(whole: RatedCurve, sample: RatedCurve, longestBlocks: Blocks): CurveDistance {
  const pool = fittedScale(whole, sample);
  const { distance, poolBlocks: atPoolBlocks } = largestGap(whole, sample, pool);
  const from = wholePool(pool, longestBlocks);
  const { saturationBlocks } = whole.hits;
  const sizes = [atPoolBlocks, saturationBlocks];
  for (let size = 1; size < saturationBlocks; size *= 2) sizes.push(size);
  return {
    distance,
    atPoolBlocks,
    pool,
    runnable: { poolBlocks: from, distance: largestGap(whole, sample, pool, from).distance },
    ceiling: { whole: ceilingRate(whole), sample: ceilingRate(sample) },
    rows: [...new Set(sizes)]
      .sort((a, b) => a - b)
      .map((poolBlocks) => {
        const samplePoolBlocks = scaledPool(pool, poolBlocks);
        return {
          poolBlocks,
          samplePoolBlocks,
          whole: hitRate(whole, poolBlocks),
          sample: hitRate(sample, samplePoolBlocks),
        };
      }),
  };
}

function requestsOf(session: Int32Array): Float64Array {
  const requests = new Float64Array(countOf(session));
  for (const s of session) requests[s]++;
  return requests;
}
