import type { Blocks, Bytes, Ms, Tokens } from "../base/index.js";
import {
  type CohortName,
  type CohortSummary,
  countOutcomes,
  type Outcomes,
  summarizeCohorts,
  ttftSurvival,
} from "../cohorts/index.js";
import { hitFraction, loadOverTime, type Pacing, type Replay, type TierUse } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import type { EngineSettings, SettingOrigin } from "../settings/index.js";
import { decimateCurve } from "../survival/index.js";
import { type SessionTurns, turnsOfSession } from "./session-turns.js";

/** The numbers of one replay: those of `replay --json`, under their names in code. */
export interface ExploreNumbers {
  readonly requests: number;
  readonly outcomes: Outcomes;
  readonly cohorts: Readonly<Record<CohortName, CohortSummary>>;
  readonly virtualMs: Ms;
  readonly busyFraction: number;
  readonly hitFraction: number;
  readonly preemptions: number;
  readonly evictedBlocks: Blocks;
  readonly refused: number;
  readonly extrapolated: number;
  /** Every setting that the engine ran under, policies by their names, and where each comes from. */
  readonly engine: Readonly<Partial<Record<keyof EngineSettings, string | number | boolean>>>;
  readonly from: Readonly<Record<keyof EngineSettings, SettingOrigin>>;
  readonly poolTokens: Tokens;
  readonly poolBytes?: Bytes;
  readonly pacing: Pacing;
  readonly pacingFrom: string;
  readonly replicas: number;
  readonly router?: string;
  readonly latency: string;
  readonly tierUse?: TierUse;
  readonly assumptions: readonly string[];
}

/** A survival curve, thinned to what can be seen. */
export interface DrawnSurvival {
  readonly times: Float64Array;
  readonly survival: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly n: number;
  readonly censored: number;
  readonly medianMs?: Ms;
}

/** An engine over time, thinned to what can be seen: the most in each of some stretches of equal length. */
export interface DrawnLoad {
  /** When each stretch begins. */
  readonly timesMs: Float64Array;
  readonly running: Float64Array;
  readonly waiting: Float64Array;
  /** Share of the pool's blocks that requests held; of all replicas together. */
  readonly heldShare: Float64Array;
}

/** What a page draws of one replay. */
export interface ExploreAnswer {
  readonly numbers: ExploreNumbers;
  readonly survival: Readonly<Record<"turn1" | "turns2plus", DrawnSurvival | undefined>>;
  readonly load: DrawnLoad;
  readonly session: SessionTurns;
}

/** Cohorts that have a curve each. */
export const drawnCohorts = ["turn1", "turns2plus"] as const;

/** The answer of a replay. */
export function answerOf(replayed: Replay, session: number): ExploreAnswer {
  return {
    numbers: numbersOf(replayed),
    survival: drawnSurvival(replayed),
    load: drawnLoad(replayed),
    session: turnsOfSession(replayed, session),
  };
}

function numbersOf(replayed: Replay): ExploreNumbers {
  const { run, conditions, plan, trace, tierUse } = replayed;
  const { settings, from } = conditions.engine;
  const engine = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, typeof value === "object" ? value.name : value]),
  );
  return {
    requests: trace.records.length,
    outcomes: countOutcomes(trace.records),
    cohorts: summarizeCohorts(replayed),
    virtualMs: replayed.virtualMs,
    busyFraction: replayed.virtualMs > 0 ? run.busyMs / replayed.virtualMs : 0,
    hitFraction: hitFraction(run),
    preemptions: run.preemptions,
    evictedBlocks: run.evictedBlocks,
    refused: run.refused.length,
    extrapolated: replayed.extrapolated,
    engine,
    from,
    poolTokens: conditions.poolTokens,
    ...(conditions.poolBytes !== undefined && { poolBytes: conditions.poolBytes }),
    pacing: conditions.pacing,
    pacingFrom: conditions.pacingFrom,
    replicas: conditions.replicas,
    ...(conditions.router !== undefined && { router: conditions.router }),
    latency: conditions.latency,
    ...(tierUse && { tierUse }),
    assumptions: plan.assumptions,
  };
}

/** Steps that a curve needs on a screen. */
const curveResolution = 500;

/** TTFT curves of a workload, captured or replayed; undefined where a cohort tells nothing of its first tokens. */
export function drawnSurvival(workload: Workload): ExploreAnswer["survival"] {
  const drawn = drawnCohorts.map((cohort) => {
    const { curve, lower, upper, n, censored, medianMs } = ttftSurvival(workload, cohort);
    if (n === 0) return [cohort, undefined];
    const thin = decimateCurve(curve, { resolution: curveResolution, band: { lower, upper, level: 0.95 } });
    const { times, survival } = thin;
    return [
      cohort,
      {
        times,
        survival,
        lower: thin.lower as Float64Array,
        upper: thin.upper as Float64Array,
        n,
        censored,
        ...(medianMs !== undefined && { medianMs }),
      },
    ];
  });
  return Object.fromEntries(drawn) as ExploreAnswer["survival"];
}

/** Stretches that a line over time has on a screen. */
const stretches = 500;

function drawnLoad({ run, conditions }: Replay): DrawnLoad {
  const endMs = Math.max(run.endMs, Number.MIN_VALUE);
  const { timesMs, running, waiting } = loadOverTime(run);
  const most = (times: Float64Array, column: Int32Array) => mostInStretches(times, column, endMs);
  const held = new Float64Array(stretches);
  for (let replica = 0; replica < run.replicas; replica++) {
    const loads = run.loads(replica);
    if (loads)
      most(loads.endMs, loads.heldBlocks).forEach((blocks, at) => {
        held[at] += blocks;
      });
  }
  const blocks = run.replicas * conditions.engine.settings.kvCacheBlocks;
  return {
    timesMs: Float64Array.from({ length: stretches }, (_, at) => (at * endMs) / stretches),
    running: most(timesMs, running),
    waiting: most(timesMs, waiting),
    heldShare: held.map((count) => count / blocks),
  };
}

/** The largest value in each stretch; where it does not change in one, the one before stays. */
function mostInStretches(timesMs: Float64Array, column: Int32Array, endMs: Ms): Float64Array {
  const drawn = new Float64Array(stretches);
  let at = 0;
  let last = 0;
  for (let stretch = 0; stretch < stretches; stretch++) {
    const untilMs =
      stretch === stretches - 1 ? Number.POSITIVE_INFINITY : ((stretch + 1) * endMs) / stretches;
    let most = last;
    for (; at < timesMs.length && timesMs[at] < untilMs; at++) {
      last = column[at];
      most = Math.max(most, last);
    }
    drawn[stretch] = most;
  }
  return drawn;
}
