import { completedCount, summarizeCohorts } from "../cohorts/index.js";
import type { EngineOptions, PrefixReuse } from "../engine/index.js";
import type { LatencyModel } from "../latency/index.js";
import { engineFromMeta, replay } from "../replay/index.js";
import { type SessionLabels, sessionsOf } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";
import type { SweepCell } from "./sweep-cell.js";

/** What one what-if gave: flat, so that a table of them is one row a cell. Undefined numbers are null. */
export type SweepRow = Readonly<Record<string, string | number | null>>;

/**
 * Replays a trace under one what-if. The row holds the cell's own parameters and only what is the same on every
 * machine: no wall time.
 */
export function runCell(
  trace: Trace,
  sessions: SessionLabels,
  model: LatencyModel,
  cell: SweepCell,
): SweepRow {
  const number = (name: keyof SweepCell): number | undefined => cell[name] as number | undefined;
  const turns = number("turns");
  const kept = turns === undefined ? { trace, sessions } : firstTurns(trace, sessions, turns);
  const engine: Partial<EngineOptions> = {
    ...engineFromMeta(trace.meta),
    ...given("kvCacheBlocks", number("kv-cache-size")),
    ...given("blockSize", number("block-size")),
    ...given("maxNumSeqs", number("max-num-seqs")),
    ...given("maxNumBatchedTokens", number("max-num-batched-tokens")),
    ...given("longPrefillTokenThreshold", number("long-prefill-token-threshold")),
    ...(cell["prefix-caching"] !== undefined && { enablePrefixCaching: cell["prefix-caching"] === "on" }),
    ...given("prefixReuse", cell["prefix-reuse"] as PrefixReuse | undefined),
  };
  const result = replay({
    ...kept,
    model,
    engine,
    pacing: (cell.pacing as "session" | "open-loop" | undefined) ?? "session",
    prompts: (cell.prompts as "recorded" | "cold" | undefined) ?? "recorded",
    rateScale: number("rate-scale") ?? 1,
    thinkScale: number("think-scale") ?? 1,
    seed: number("seed") ?? 1,
  });
  const { run } = result;
  const cohorts = summarizeCohorts(result.trace, kept.sessions);
  const virtualS = result.virtualMs / 1000;
  const outputTokens = result.trace.records.reduce((sum, r) => sum + r.outputTokens, 0);
  const row: Record<string, string | number | null> = {
    ...cell,
    requests: result.trace.records.length,
    completed: completedCount(result.trace),
    virtual_s: virtualS,
    busy_fraction: virtualS > 0 ? run.busyMs / result.virtualMs : null,
    output_tokens_per_s: virtualS > 0 ? outputTokens / virtualS : null,
    hit_fraction: run.prefixQueryTokens > 0 ? run.prefixHitTokens / run.prefixQueryTokens : 0,
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

function given<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function firstTurns(
  trace: Trace,
  sessions: SessionLabels,
  turns: number,
): { trace: Trace; sessions: SessionLabels } {
  const records = trace.records.filter((_, i) => sessions.turn[i] <= turns);
  const shorter = { ...trace, records };
  return { trace: shorter, sessions: sessionsOf(shorter) };
}
