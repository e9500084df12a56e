import { countOutcomes, summarizeCohorts } from "../cohorts/index.js";
import type { OnTimeout } from "../engine/index.js";
import { reuseShares } from "../fleet/index.js";
import type { LatencyModel } from "../latency/index.js";
import {
  hitFraction,
  type Pacing,
  type Plan,
  prefillStageNames,
  prefillStages,
  type Replay,
  type ReplayOptions,
  replay,
} from "../replay/index.js";
import { type Workload, workloadOf } from "../sessions/index.js";
import { engineCount } from "../trace/index.js";
import { CellWorkloads } from "./cell-workloads.js";
import { cellSettings, type SweepCell } from "./sweep-cell.js";

/** What one what-if gave: flat, so that a table of them is one row a cell. Undefined numbers are null. */
export type SweepRow = Readonly<Record<string, string | number | null>>;

/**
 * Replays a trace under one what-if. The row holds the cell's own parameters and only what is the same on every
 * machine: no wall time.
 */
export function runCell(workload: Workload, model: LatencyModel, cell: SweepCell): SweepRow {
  const workloads = new CellWorkloads((minConfidence) =>
    minConfidence === undefined ? workload : workloadOf(workload.trace, { minConfidence }),
  );
  return runCellOf(workloads, model, cell);
}

/** {@link runCell} for many cells of one trace, which share what they can. */
export function runCellOf(workloads: CellWorkloads, model: LatencyModel, cell: SweepCell): SweepRow {
  const {
    pacing,
    prompts,
    "answer-reuse": answers,
    "request-timeout": timeout,
    "on-timeout": onTimeout,
    replicas,
    router,
  } = cell;
  const { workload, planOf } = workloads.of(cell);
  const result = replay(workload, {
    model,
    planOf,
    engine: cellSettings(cell),
    ...(pacing !== undefined && { pacing: pacing as Pacing }),
    answerReuse: answers !== "off",
    prompts: prompts === "cold" ? "unique" : "recorded",
    rateScale: Number(cell["rate-scale"] ?? 1),
    thinkScale: Number(cell["think-scale"] ?? 1),
    ...(timeout !== undefined && { requestTimeoutMs: 1000 * Number(timeout) }),
    ...(onTimeout !== undefined && { onTimeout: onTimeout as OnTimeout }),
    ...(replicas !== undefined && { replicas: Number(replicas) }),
    ...(router !== undefined && { router: String(router) }),
    ...prefillOf(cell),
    tellsReuse:
      Number(replicas ?? engineCount(workload.trace.meta)) > 1 || Number(cell["prefill-replicas"] ?? 0) > 0,
    seed: cell.seed ?? 1,
  });
  const { run } = result;
  const cohorts = summarizeCohorts(result);
  const outcomes = countOutcomes(result.trace.records);
  const virtualS = result.virtualMs / 1000;
  const outputTokens = result.trace.records.reduce((sum, r) => sum + r.outputTokens, 0);
  const row: Record<string, string | number | null> = {
    ...cell,
    requests: result.trace.records.length,
    completed: outcomes.completed,
    timed_out: outcomes.timedOutBeforeFirstToken + outcomes.timedOutAfterFirstToken,
    never_sent: outcomes.neverSent,
    virtual_s: virtualS,
    busy_fraction: virtualS > 0 ? run.busyMs / result.conditions.engines / result.virtualMs : null,
    output_tokens_per_s: virtualS > 0 ? outputTokens / virtualS : null,
    hit_fraction: hitFraction(run),
    ...answerReuseColumns(result.plan),
    ...reuseColumns(result),
    ...tierColumns(result),
    ...prefillColumns(result),
    preemptions: run.preemptions,
    extrapolated: result.extrapolated,
  };
  for (const [cohort, summary] of Object.entries(cohorts)) {
    for (const [quantity, quantiles] of [
      ["ttft_ms", summary.ttftMs],
      ["itl_ms", summary.itlMs],
      ["total_ms", summary.totalMs],
    ] as const) {
      for (const p of ["p50", "p90", "p99"] as const)
        row[`${cohort}_${quantity}_${p}`] = quantiles[p] ?? null;
    }
  }
  return row;
}

/** What rests on the next turn repeating the answer: requests, and points of all prompt tokens in a pool without bound. */
function answerReuseColumns({ answerReuse }: Plan): SweepRow {
  return {
    answer_reuse_requests: answerReuse ? answerReuse.requests : 0,
    answer_reuse_points: answerReuse ? 100 * (answerReuse.sharedWith - answerReuse.sharedWithout) : 0,
  };
}

/** Engines that compute prompts for the replicas, where the cell has some. */
function prefillOf(cell: SweepCell): Pick<ReplayOptions, "prefill"> {
  const replicas = Number(cell["prefill-replicas"] ?? 0);
  const { "non-cached-tokens": nonCachedTokens, "kv-transfer-gbps": transferGbps } = cell;
  if (replicas === 0) return {};
  return {
    prefill: {
      replicas,
      ...(nonCachedTokens !== undefined && { nonCachedTokens: Number(nonCachedTokens) }),
      ...(transferGbps !== undefined && { transferGbps: Number(transferGbps) }),
    },
  };
}

/** Where prefill and decode are apart: how many prompts were computed elsewhere, what was moved, and median waits by stage. */
function prefillColumns({ run }: Replay): SweepRow {
  const stages = prefillStages(run);
  if (!stages) return {};
  const { remote, movedTokens, stagesMs } = stages;
  return {
    prefill_remote: remote,
    prefill_moved_tokens: movedTokens,
    ...Object.fromEntries(
      prefillStageNames.map((name) => [
        `stage_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_ms_p50`,
        stagesMs?.[name].p50 ?? null,
      ]),
    ),
  };
}

/** Sides of a fleet's reuse as shares of prompt tokens, where there is a fleet. */
function reuseColumns({ reuse }: Replay): SweepRow {
  if (!reuse) return {};
  const shares = reuseShares(reuse);
  return {
    reuse_offered: shares?.offered ?? null,
    reuse_routed: shares?.routed ?? null,
    reuse_delivered: shares?.delivered ?? null,
    reuse_pooled: shares?.pooled ?? null,
  };
}

/** Tokens by where they were found, where there is memory behind the pool. */
function tierColumns({ tierUse }: Replay): Record<string, number> {
  if (!tierUse) return {};
  const lower = Object.entries(tierUse.lowerTokens).map(([name, tokens]) => [`reuse_${name}_tokens`, tokens]);
  return {
    reuse_pool_tokens: tierUse.poolTokens,
    ...Object.fromEntries(lower),
    computing_is_faster: tierUse.computingIsFaster,
  };
}
