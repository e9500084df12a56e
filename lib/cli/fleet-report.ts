import { type FleetReuse, reuseShares } from "../fleet/index.js";
import { eventCosts, type Replay, replicaRows, type SomeTtft } from "../replay/index.js";
import { formatTable, showMs, showPercent } from "./print-table.js";

/** Sides of a fleet's reuse as shares of prompt tokens, under the names of the command line. */
export function reuseJson(reuse: FleetReuse): Record<string, number | null> {
  const shares = reuseShares(reuse);
  return {
    offered: shares?.offered ?? null,
    routed: shares?.routed ?? null,
    delivered: shares?.delivered ?? null,
    pooled: shares?.pooled ?? null,
    lost_to_routing: shares ? (reuse.offeredTokens - reuse.routedTokens) / reuse.promptTokens : null,
    lost_to_eviction: shares ? (reuse.routedTokens - reuse.deliveredTokens) / reuse.promptTokens : null,
    prompt_tokens: reuse.promptTokens,
  };
}

/** A fleet's replay: sides of its reuse, and a row a replica. Nothing where the sides were not asked for. */
export function fleetJson(replay: Replay): Record<string, unknown> {
  if (!replay.reuse) return {};
  return {
    ...(replay.run.replicaEvents && { replica_events: eventsJson(replay) }),
    reuse: reuseJson(replay.reuse),
    replicas: replicaRows(replay).map((row) => ({
      replica: row.replica,
      requests: row.requests,
      prompt_tokens: row.promptTokens,
      hit_share: row.hitShare ?? null,
      ttft_ms: { p50: row.ttftMs.p50 ?? null, p90: row.ttftMs.p90 ?? null, p99: row.ttftMs.p99 ?? null },
      busy_share: row.busyShare,
      peak_waiting: row.peakWaiting,
      preemptions: row.preemptions,
    })),
  };
}

/** The same for people. */
export function fleetLines(replay: Replay): string[] {
  if (!replay.reuse) return [];
  const { offeredTokens, routedTokens, deliveredTokens, pooledTokens, promptTokens } = replay.reuse;
  const share = (tokens: number) => (promptTokens === 0 ? "-" : showPercent(tokens / promptTokens));
  const pooled = pooledTokens === undefined ? "" : `; one pool of all would find ${share(pooledTokens)}`;
  const rows = replicaRows(replay).map((row) => [
    String(row.replica),
    String(row.requests),
    String(row.promptTokens),
    row.hitShare === undefined ? "-" : showPercent(row.hitShare),
    showMs(row.ttftMs.p50),
    showMs(row.ttftMs.p99),
    showPercent(row.busyShare),
    String(row.peakWaiting),
    String(row.preemptions),
  ]);
  return [
    ...eventLines(replay),
    `reuse, of prompt tokens: offered ${share(offeredTokens)}, routed ${share(routedTokens)}, delivered ${share(deliveredTokens)}; lost to routing ${share(offeredTokens - routedTokens)}, to eviction ${share(routedTokens - deliveredTokens)}${pooled}`,
    "",
    formatTable(
      [
        "replica",
        "requests",
        "prompt tokens",
        "hits",
        "TTFT p50",
        "TTFT p99",
        "busy",
        "most waiting",
        "preempted",
      ],
      rows,
    ).trimEnd(),
  ];
}

function eventsJson(replay: Replay): Record<string, unknown>[] {
  const some = ({ requests, ttftMs: { p50, p90, p99 } }: SomeTtft) => ({
    requests,
    ttft_ms: { p50: p50 ?? null, p90: p90 ?? null, p99: p99 ?? null },
  });
  return eventCosts(replay).map(({ event, gone, before, after }) => ({
    at_s: event.atMs / 1000,
    does: event.does,
    replica: event.replica,
    in_flight: some(gone),
    minute_before: some(before),
    minute_after: some(after),
  }));
}

/** What happened to replicas, and TTFT of those whom it struck and of all others around it. */
function eventLines(replay: Replay): string[] {
  const { run } = replay;
  const some = ({ requests, ttftMs: { p50, p99 } }: SomeTtft) =>
    requests === 0 ? "none" : `${requests}, TTFT p50 ${showMs(p50)}, p99 ${showMs(p99)}`;
  return eventCosts(replay).map(({ event, gone, before, after }) => {
    const lost = event.requests.filter((request) => run.lostMs?.(request) !== undefined).length;
    const became = gone.requests === 0 ? "" : lost > 0 ? ` (${lost} failed)` : " (sent again)";
    return `${event.does} of replica ${event.replica} at ${event.atMs / 1000} s: in flight there: ${some(gone)}${became}; sent in the minute before: ${some(before)}; in the minute after: ${some(after)}`;
  });
}
