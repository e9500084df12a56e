import type { ByQuantile, RouterComparison, RouterOutcome } from "../judge/index.js";
import { fromStoreJson, prefillJson, reuseJson, stageLines } from "./fleet-report.js";
import { formatTable, showMs, showPercent } from "./print-table.js";
import { headerJson, headerLines } from "./replay-header.js";

/** A number with its limits, of a comparison. */
interface Limits {
  readonly estimate: number | undefined;
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

const notCovered =
  "not covered: the simulation is not run again for the sessions drawn, so what they do to one another is held as it was; nor the latency model's error, the engine's own spread, other arrivals";

/** Routers compared, under the names of the command line. */
export function comparedJson(comparison: RouterComparison): Record<string, unknown> {
  const { outcomes, replicas, sessions, level } = comparison;
  const { replay: first } = outcomes[0];
  const { router: _, ...header } = headerJson(first.conditions);
  return {
    requests: first.trace.records.length,
    sessions,
    ...header,
    replica_count: replicas,
    pacing: first.plan.pacing,
    seed: first.seed,
    assumptions: first.plan.assumptions,
    intervals: { level, over: "sessions", not_covered: notCovered },
    routers: outcomes.map((outcome) => outcomeJson(outcome, outcomes[0].router)),
  };
}

function outcomeJson(outcome: RouterOutcome, first: string): Record<string, unknown> {
  const { router, replay, shares, ttftMs, imbalance, lessFirst } = outcome;
  return {
    router,
    ...(replay.reuse && { reuse: { ...reuseJson(replay.reuse), ...fromStoreJson(replay) } }),
    ...prefillJson(replay),
    reuse_intervals: {
      offered: limits(shares.offered),
      routed: limits(shares.routed),
      delivered: limits(shares.delivered),
      lost_to_routing: limits(shares.lostToRouting),
      lost_to_eviction: limits(shares.lostToEviction),
    },
    ttft_ms: quantilesJson(ttftMs, ({ estimate }) => estimate ?? null),
    ttft_ms_intervals: quantilesJson(ttftMs, limits),
    imbalance: imbalance ?? null,
    preemptions: replay.run.preemptions,
    unserved: replay.trace.records.filter((record) => record.ttftMs === undefined).length,
    virtual_s: replay.virtualMs / 1000,
    wall_s: replay.wallMs / 1000,
    ...(lessFirst && {
      less: first,
      delivered_less_first: differenceJson(lessFirst.delivered),
      ttft_ms_less_first: quantilesJson(lessFirst.ttftMs, differenceJson),
    }),
  };
}

function limits({ lower, upper }: Limits): (number | null)[] {
  return [lower ?? null, upper ?? null];
}

function differenceJson(difference: Limits): Record<string, unknown> {
  return { estimate: difference.estimate ?? null, interval: limits(difference) };
}

function quantilesJson<T>({ p50, p90, p99 }: ByQuantile<T>, of: (value: T) => unknown) {
  return { p50: of(p50), p90: of(p90), p99: of(p99) };
}

/** The same for people. */
export function comparedReport({ outcomes, replicas, sessions, level }: RouterComparison): string {
  const [{ replay: first, router: firstRouter }] = outcomes;
  const percent = `${Number((100 * level).toPrecision(4))} %`;
  const overview = outcomes.map(({ router, shares, ttftMs, imbalance, replay }) => [
    router,
    withLimits(shares.delivered, showPercent),
    showShare(shares.lostToRouting.estimate),
    showShare(shares.lostToEviction.estimate),
    pooledOf(replay),
    withLimits(ttftMs.p50, showMs),
    showMs(ttftMs.p90.estimate),
    withLimits(ttftMs.p99, showMs),
    imbalance === undefined ? "-" : imbalance.toFixed(2),
    String(replay.run.preemptions),
    replay.virtualMs < 10_000 ? showMs(replay.virtualMs) : `${(replay.virtualMs / 1000).toFixed(0)} s`,
  ]);
  const differences = outcomes.flatMap(({ router, lessFirst }) =>
    lessFirst
      ? [
          [
            router,
            withLimits(lessFirst.delivered, showPoints),
            ...[lessFirst.ttftMs.p50, lessFirst.ttftMs.p90, lessFirst.ttftMs.p99].map((difference) =>
              withLimits(difference, showDifferenceMs),
            ),
          ],
        ]
      : [],
  );
  const unserved = outcomes.flatMap(({ router, replay }) => {
    const never = replay.trace.records.filter(({ ttftMs }) => ttftMs === undefined).length;
    return never === 0 ? [] : [`unserved under ${router}: ${never} requests`];
  });
  const extrapolated = Math.max(...outcomes.map(({ replay }) => replay.extrapolated));
  return [
    `${first.trace.records.length} requests, ${sessions} sessions; seed ${first.seed}`,
    ...headerLines(
      { ...first.conditions, router: outcomes.map(({ router }) => router).join(", ") },
      first.plan.prompts,
    ),
    ...first.plan.assumptions.map((assumption) => `assumed: ${assumption}`),
    ...unserved,
    ...(extrapolated > 0
      ? [
          `extrapolated: up to ${(100 * extrapolated).toFixed(0)} % of requests are outside the model's fit range`,
        ]
      : []),
    `offered: ${withLimits(outcomes[0].shares.offered, showPercent)} of prompt tokens (${firstRouter}), what one pool that gives nothing up would have found`,
    "",
    formatTable(
      [
        "router",
        "hits",
        "lost to routing",
        "to eviction",
        "one pool",
        "TTFT p50",
        "p90",
        "TTFT p99",
        "imbalance",
        "preempted",
        "takes",
      ],
      overview,
    ),
    ...stageLines(outcomes.map(({ router, replay }) => ({ router, replay }))),
    ...(differences.length === 0
      ? []
      : [
          `less ${firstRouter}, each session against itself:\n`,
          formatTable(["router", "hits, points", "TTFT p50", "p90", "p99"], differences),
        ]),
    `[ ]: ${percent}, over ${sessions} sessions drawn whole, the same for each router, ${replicas} replicas; one that holds 0 tells no difference, and where a ? stands the sessions do not give the limit`,
    `${notCovered}`,
    "",
  ].join("\n");
}

function pooledOf({ reuse }: RouterOutcome["replay"]): string {
  return reuse?.pooledTokens === undefined || reuse.promptTokens === 0
    ? "-"
    : showPercent(reuse.pooledTokens / reuse.promptTokens);
}

function showShare(share: number | undefined): string {
  return share === undefined ? "-" : showPercent(share);
}

function withLimits({ estimate, lower, upper }: Limits, show: (value: number) => string): string {
  if (estimate === undefined) return "-";
  if (lower === undefined && upper === undefined) return `${show(estimate)} [?]`;
  const limit = (value: number | undefined) => (value === undefined ? "?" : show(value));
  return `${show(estimate)} [${limit(lower)}, ${limit(upper)}]`;
}

function showPoints(share: number): string {
  return `${share >= 0 ? "+" : ""}${(100 * share).toFixed(1)}`;
}

function showDifferenceMs(ms: number): string {
  if (Math.abs(ms) < 0.0005) return "0 ms";
  return ms < 0 ? `-${showMs(-ms)}` : `+${showMs(ms)}`;
}
