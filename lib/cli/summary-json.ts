import type { StatisticCell } from "../calibrate/index.js";
import type { CohortSummary, Quantiles } from "../cohorts/index.js";
import {
  cohortIndices,
  cohortNames,
  completedCount,
  countOutcomes,
  summarizeCohort,
  summarizeCohorts,
  summarizeRoles,
} from "../cohorts/index.js";
import type { Comparison, ErrorCell } from "../judge/index.js";
import { hitFraction, type Prompts, type Replay, type TierUse } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { isAnswered, type TraceRecord } from "../trace/index.js";
import { answerReuseJson } from "./answer-flags.js";
import { fleetJson } from "./fleet-report.js";
import { headerJson } from "./replay-header.js";

/** Cohorts as the command line's JSON has them. */
export function cohortsJson(workload: Workload): Record<string, unknown> {
  const summaries = summarizeCohorts(workload);
  return Object.fromEntries(cohortNames.map((name) => [name, cohortJson(summaries[name])]));
}

function cohortJson(summary: CohortSummary): Record<string, unknown> {
  return {
    n: summary.n,
    censored: summary.censored,
    ttft_ms: quantilesJson(summary.ttftMs),
    itl_ms: quantilesJson(summary.itlMs),
    total_ms: quantilesJson(summary.totalMs),
  };
}

function quantilesJson(q: Quantiles): Record<string, number | null> {
  return { p50: q.p50 ?? null, p90: q.p90 ?? null, p99: q.p99 ?? null };
}

/** A captured trace as one series. */
export function capturedSeriesJson(workload: Workload): Record<string, unknown> {
  const { trace } = workload;
  const completed = completedCount(trace);
  return {
    requests: trace.records.length,
    completed,
    censored: trace.records.length - completed,
    cohorts: cohortsJson(workload),
    ...(workload.sessions.agentDepth && { cohorts_by_role: rolesJson(workload) }),
  };
}

function rolesJson(workload: Workload): Record<string, unknown> {
  const { main, subAgent } = summarizeRoles(workload);
  return { main: cohortJson(main), sub_agent: cohortJson(subAgent) };
}

/** Cohorts of a replay whose client has a time limit: beside Kaplan-Meier's quantiles those of the complete alone. */
function limitedCohortsJson({ trace, sessions }: Workload): Record<string, unknown> {
  const entries = cohortNames.map((name) => {
    const records = cohortIndices(sessions, name).map((i) => trace.records[i]);
    const survivors = cohortJson(summarizeCohort(records.filter(isAnswered)));
    return [name, { ...cohortJson(summarizeCohort(records)), ...outcomesJson(records), survivors }];
  });
  return Object.fromEntries(entries);
}

/** What became of requests; `requests` itself is told elsewhere. */
export function outcomesJson(records: readonly TraceRecord[]): Record<string, number> {
  const outcomes = countOutcomes(records);
  const { timedOutBeforeFirstToken: before, timedOutAfterFirstToken: after } = outcomes;
  return {
    sent: outcomes.sent,
    completed: outcomes.completed,
    timed_out: before + after,
    timed_out_before_first_token: before,
    timed_out_after_first_token: after,
    unanswered: outcomes.unanswered,
    never_sent: outcomes.neverSent,
  };
}

/** Unique prompts are "cold" on the wire, as in `--cold-prompts`. */
export function promptsWord(prompts: Prompts): string {
  return prompts === "unique" ? "cold" : prompts;
}

/** A replay as one series. */
export function replaySeriesJson(replay: Replay): Record<string, unknown> {
  const { requestTimeoutMs, onTimeout } = replay.conditions;
  return {
    ...capturedSeriesJson(replay),
    ...(requestTimeoutMs !== undefined && {
      request_timeout_s: requestTimeoutMs / 1000,
      on_timeout: onTimeout,
      ...outcomesJson(replay.trace.records),
      cohorts: limitedCohortsJson(replay),
    }),
    virtual_s: replay.virtualMs / 1000,
    wall_s: replay.wallMs / 1000,
    busy_fraction: replay.virtualMs > 0 ? replay.run.busyMs / replay.virtualMs : 0,
    hit_fraction: hitFraction(replay.run),
    preemptions: replay.run.preemptions,
    seed: replay.seed,
    pacing: replay.plan.pacing,
    prompts: promptsWord(replay.plan.prompts),
    ...headerJson(replay.conditions),
    extrapolated: replay.extrapolated,
    ...(replay.tierUse && tierUseJson(replay.tierUse)),
    ...fleetJson(replay),
    assumptions: replay.plan.assumptions,
    answer_reuse: answerReuseJson(replay.plan.answerReuse),
  };
}

function tierUseJson(use: TierUse): Record<string, unknown> {
  return {
    reuse_tiers: { pool: use.poolTokens, ...use.lowerTokens },
    kv_loads: {
      loads: use.loads,
      tokens: use.loadedTokens,
      mean_ms: use.meanLoadMs ?? null,
      transfer_ms: use.transferMs,
      computing_ms: use.computingMs,
      computing_is_faster: use.computingIsFaster,
    },
  };
}

/** A mean or quantile of TTFT or TPOT on both sides. */
export function statisticJson({
  quantity,
  statistic,
  capturedMs,
  modeledMs,
  error,
}: StatisticCell): Record<string, unknown> {
  return { quantity: `${quantity}_ms`, statistic, captured_ms: capturedMs, modeled_ms: modeledMs, error };
}

/** A quantity as the command line's JSON has it. */
export function quantityKey({ quantity }: Pick<ErrorCell, "quantity">): string {
  return `${quantity}_ms`;
}

/** A comparison: relative errors per group, quantity and quantile, the hit canary, the verdict. */
export function comparisonJson(comparison: Comparison): Record<string, unknown> {
  const errors: Record<string, Record<string, Record<string, unknown>>> = {};
  for (const cell of comparison.cells) {
    errors[cell.group] ??= {};
    const group = errors[cell.group];
    const quantity = quantityKey(cell);
    group[quantity] ??= {};
    group[quantity][`p${100 * cell.quantile}`] = cellJson(cell);
  }
  const { cachedTokens } = comparison;
  return {
    kind: comparison.kind,
    errors,
    curves: Object.fromEntries(
      comparison.curves.map(({ cohort, ks, wassersteinMs }) => [
        cohort,
        { ks, wasserstein_ms: wassersteinMs },
      ]),
    ),
    cached_tokens: {
      requests: cachedTokens.requests,
      recorded: cachedTokens.recordedTokens,
      predicted: cachedTokens.predictedTokens,
      exact_fraction: cachedTokens.exactFraction ?? null,
      mean_absolute_error: cachedTokens.meanAbsoluteErrorTokens ?? null,
    },
    tolerance: comparison.tolerance,
    seeds: comparison.seeds,
    verdict: comparison.verdict,
  };
}

/** A number of a comparison as the command line's JSON has it. */
export function cellJson(cell: ErrorCell): Record<string, unknown> {
  return {
    n: cell.n,
    captured_ms: cell.capturedMs ?? null,
    modeled_ms: cell.modeledMs ?? null,
    error: cell.error ?? null,
    interval: cell.interval ?? null,
    gates: cell.gates,
  };
}
