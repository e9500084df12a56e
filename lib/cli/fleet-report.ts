import { type FleetReuse, reuseShares } from "../fleet/index.js";
import {
  eventCosts,
  type PrefillStageName,
  prefillRows,
  prefillStageNames,
  prefillStages,
  type Replay,
  replicaRows,
  type SomeTtft,
} from "../replay/index.js";
import { formatTable, showMs, showPercent } from "./print-table.js";

/** Stages of a wait for a first token, for people. */
const stageWords: Readonly<Record<PrefillStageName, string>> = {
  prefillQueue: "queue for prefill",
  prefill: "prefill",
  decodeRoom: "wait for room to decode",
  transfer: "transfer",
  decodeQueue: "queue for decode",
  firstStep: "first step of decode",
};

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
    ...((replay.run.replicaEvents || replay.run.prefill?.replicaEvents) && {
      replica_events: eventsJson(replay),
    }),
    reuse: { ...reuseJson(replay.reuse), ...fromStoreJson(replay) },
    ...prefillJson(replay),
    replicas: replicaRows(replay).map((row) => ({
      replica: row.replica,
      requests: row.requests,
      prompt_tokens: row.promptTokens,
      hit_share: row.hitShare ?? null,
      ...(row.sharedHitShare !== undefined && { shared_hit_share: row.sharedHitShare }),
      ttft_ms: { p50: row.ttftMs.p50 ?? null, p90: row.ttftMs.p90 ?? null, p99: row.ttftMs.p99 ?? null },
      busy_share: row.busyShare,
      peak_waiting: row.peakWaiting,
      preemptions: row.preemptions,
    })),
  };
}

/** Of the tokens that were found, the share of prompt tokens that came from the store that all replicas share. */
function fromStore({ tierUse, reuse }: Replay): number | undefined {
  const tokens = tierUse?.lowerTokens.shared;
  return tokens === undefined || !reuse || reuse.promptTokens === 0 ? undefined : tokens / reuse.promptTokens;
}

/** The same as a key of a JSON document; none where there is no such store. */
export function fromStoreJson(replay: Replay): Record<string, number> {
  const share = fromStore(replay);
  return share === undefined ? {} : { from_shared_store: share };
}

/** Where prefill and decode are apart: waits for first tokens by stage, what was moved, and a row a prefill engine. */
export function prefillJson(replay: Replay): Record<string, unknown> {
  const stages = prefillStages(replay.run);
  if (!stages) return {};
  const { remote, local, foundTokens, movedTokens, stagesMs } = stages;
  return {
    prefill_stages: {
      remote,
      local,
      found_tokens: foundTokens,
      moved_tokens: movedTokens,
      ttft_ms: stagesMs
        ? Object.fromEntries(
            prefillStageNames.map((name) => [
              name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
              stagesMs[name],
            ]),
          )
        : null,
    },
    prefill_replicas: prefillRows(replay).map((row) => ({
      prefill: row.prefill,
      requests: row.requests,
      prompt_tokens: row.promptTokens,
      hit_share: row.hitShare ?? null,
      moved_tokens: row.movedTokens,
      busy_share: row.busyShare,
      peak_waiting: row.peakWaiting,
      preemptions: row.preemptions,
    })),
  };
}

/** The same for people. */
function prefillLines(replay: Replay): string[] {
  const stages = prefillStages(replay.run);
  if (!stages) return [];
  const { remote, local, foundTokens, movedTokens, stagesMs } = stages;
  const rows = prefillRows(replay).map((row) => [
    String(row.prefill),
    String(row.requests),
    String(row.promptTokens),
    row.hitShare === undefined ? "-" : showPercent(row.hitShare),
    String(row.movedTokens),
    showPercent(row.busyShare),
    String(row.peakWaiting),
    String(row.preemptions),
  ]);
  return [
    "",
    formatTable(
      ["prefill", "requests", "prompt tokens", "hits", "moved tokens", "busy", "most waiting", "preempted"],
      rows,
    ).trimEnd(),
    `prefilled elsewhere: ${remote} requests, ${foundTokens} prompt tokens of which were with their decode engine, ${movedTokens} were moved in whole blocks; by their decode engine: ${local}`,
    ...(stagesMs ? ["", stageTable(stagesMs)] : []),
  ];
}

/** Mean stages of the wait for a first token, a row a router; nothing where prefills are not apart. */
export function stageLines(
  outcomes: readonly { readonly router: string; readonly replay: Replay }[],
): string[] {
  const rows = outcomes.flatMap(({ router, replay }) => {
    const stages = prefillStages(replay.run);
    if (!stages) return [];
    const { stagesMs, remote, local } = stages;
    const means = prefillStageNames.map((name) => (stagesMs ? showMs(stagesMs[name].mean) : "-"));
    return [[router, String(remote), String(local), ...means]];
  });
  if (rows.length === 0) return [];
  return [
    "prefilled elsewhere, and by the decode engine; of the first, the mean TTFT by stage:\n",
    formatTable(["router", "elsewhere", "there", ...prefillStageNames.map((name) => stageWords[name])], rows),
  ];
}

/** Stages add up to TTFT, and so do their means; their quantiles do not. */
function stageTable(
  stagesMs: NonNullable<NonNullable<ReturnType<typeof prefillStages>>["stagesMs"]>,
): string {
  return formatTable(
    ["TTFT by stage", "mean", "p50", "p90", "p99"],
    prefillStageNames.map((name) => {
      const { mean, p50, p90, p99 } = stagesMs[name];
      return [stageWords[name], ...[mean, p50, p90, p99].map((ms) => showMs(ms))];
    }),
  ).trimEnd();
}

/** The same for people. */
export function fleetLines(replay: Replay): string[] {
  if (!replay.reuse) return [];
  const { offeredTokens, routedTokens, deliveredTokens, pooledTokens, promptTokens } = replay.reuse;
  const share = (tokens: number) => (promptTokens === 0 ? "-" : showPercent(tokens / promptTokens));
  const pooled = pooledTokens === undefined ? "" : `; one pool of all would find ${share(pooledTokens)}`;
  const stored = fromStore(replay);
  const rows = replicaRows(replay).map((row) => [
    String(row.replica),
    String(row.requests),
    String(row.promptTokens),
    row.hitShare === undefined ? "-" : showPercent(row.hitShare),
    ...(stored === undefined
      ? []
      : [row.sharedHitShare === undefined ? "-" : showPercent(row.sharedHitShare)]),
    showMs(row.ttftMs.p50),
    showMs(row.ttftMs.p99),
    showPercent(row.busyShare),
    String(row.peakWaiting),
    String(row.preemptions),
  ]);
  return [
    ...eventLines(replay),
    `reuse, of prompt tokens: offered ${share(offeredTokens)}, routed ${share(routedTokens)}, delivered ${share(deliveredTokens)}${stored === undefined ? "" : ` (${showPercent(stored)} from the shared store)`}; lost to routing ${share(offeredTokens - routedTokens)}, to eviction ${share(routedTokens - deliveredTokens)}${pooled}`,
    "",
    formatTable(
      [
        "replica",
        "requests",
        "prompt tokens",
        "hits",
        ...(stored === undefined ? [] : ["from the store"]),
        "TTFT p50",
        "TTFT p99",
        "busy",
        "most waiting",
        "preempted",
      ],
      rows,
    ).trimEnd(),
    ...prefillLines(replay),
  ];
}

function eventsJson(replay: Replay): Record<string, unknown>[] {
  const some = ({ requests, ttftMs: { p50, p90, p99 } }: SomeTtft) => ({
    requests,
    ttft_ms: { p50: p50 ?? null, p90: p90 ?? null, p99: p99 ?? null },
  });
  return eventCosts(replay).map(({ event, isPrefill, gone, before, after }) => ({
    at_s: event.atMs / 1000,
    does: event.does,
    replica: event.replica,
    ...(isPrefill && { pool: "prefill" }),
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
  return eventCosts(replay).map(({ event, isPrefill, gone, before, after }) => {
    const lost = event.requests.filter((request) => run.lostMs?.(request) !== undefined).length;
    const became = gone.requests === 0 ? "" : lost > 0 ? ` (${lost} failed)` : " (sent again)";
    return `${event.does} of ${isPrefill ? "prefill engine" : "replica"} ${event.replica} at ${event.atMs / 1000} s: in flight there: ${some(gone)}${became}; sent in the minute before: ${some(before)}; in the minute after: ${some(after)}`;
  });
}
