import type { Blocks, Tokens } from "../base/index.js";
import { capturedEngine, onCapturedClock } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { chooseSettings, type EngineSettings } from "../settings/index.js";
import { type CacheEvent, type CacheEventBatch, defaultBlockSize, type EngineView } from "../trace/index.js";
import { type OrderAgreement, orderAgreement } from "./same-order.js";

/** What the engine counted over a capture, beside the sums of the capture's rows. */
export interface CountersComparison {
  /** First to last look at the counters. */
  readonly looks: number;
  readonly queriedTokens?: Tokens;
  readonly hitTokens?: Tokens;
  readonly preemptions?: number;
  /** Most requests that it said were running, and waiting, in any look. */
  readonly mostRunning?: number;
  readonly mostWaiting?: number;
  /** Prompt tokens of the rows that say how many were cached, and how many those were. */
  readonly rowPromptTokens: Tokens;
  readonly rowCachedTokens: Tokens;
  /** Rows that do not say. */
  readonly rowsWithoutCached: number;
  /** The engine was started anew in between: its counters began again, and what it counted before is added. */
  readonly restarts: number;
}

/** Which blocks the engine stored and removed, beside what the simulated pool does with the same requests. */
export interface PoolComparison {
  readonly blockSize: Tokens;
  readonly kvCacheBlocks: Blocks;
  /** Of the engine (`a`) and of the simulated pool (`b`). */
  readonly stored: OrderAgreement;
  readonly removed: OrderAgreement;
  /** Preemptions of the simulated engine. */
  readonly preemptions: number;
  /** Rows whose cached tokens were told, and those of them for which the simulated engine finds as many. */
  readonly rowsWithCached: number;
  readonly rowsAlike: number;
}

/** An engine's own view against the capture's rows and the simulated pool. */
export interface EngineViewComparison {
  readonly counters?: CountersComparison;
  readonly pool?: PoolComparison;
  /** What makes the numbers less than they look, in words. */
  readonly doubts: readonly string[];
}

/**
 * Holds what an engine said of itself against what was captured of its requests: its counters against the rows' sums, and
 * the blocks that it stored and removed against those of the simulated pool, run on the capture's own clock
 * ({@link onCapturedClock}) with the captured settings.
 * @param given settings that go before the captured ones
 * @example
 * ```ts
 * import { readTrace, workloadOf } from "prefixlab";
 * import { dataDir } from "prefixlab/captures";
 * import { compareEngineView } from "prefixlab/judge";
 * import { readEngineView } from "prefixlab/trace/files";
 * const path = `${dataDir()}/vllm-small-pool/small-pool-1.jsonl.gz`;
 * const trace = await readTrace(path);
 * const view = await readEngineView(path, trace);
 * const { pool } = compareEngineView(workloadOf(trace), view!);
 * pool?.stored; // → { a: 973, b: 973, both: 973, inOrder: 969 }
 * pool?.removed; // → { a: 718, b: 719, both: 718, inOrder: 718 }
 * ```
 */
export function compareEngineView(
  workload: Workload,
  view: EngineView,
  given: Partial<EngineSettings> = {},
): EngineViewComparison {
  const { trace } = workload;
  const { settings, from } = chooseSettings({ given, captured: capturedEngine(trace.meta) });
  const counters = countersOf(workload, view);
  const isPool = view.batches.length > 0 && settings.prefixReuse === "blocks" && settings.enablePrefixCaching;
  const pool = isPool ? poolOf(workload, view, settings) : undefined;
  return {
    ...(counters && { counters }),
    ...(pool && { pool }),
    doubts: [
      ...(pool && from.kvCacheBlocks === "assumed"
        ? [`the number of blocks is assumed: ${settings.kvCacheBlocks}`]
        : []),
      ...(pool && from.maxNumBatchedTokens === "assumed"
        ? [`the token budget of a step is assumed: ${settings.maxNumBatchedTokens}`]
        : []),
      ...viewDoubts(view, trace.meta.blockSize ?? defaultBlockSize),
    ],
  };
}

function viewDoubts(view: EngineView, traceBlockSize: Tokens): string[] {
  const firsts = new Map<number, number>();
  for (const { rank = 0, sequence } of view.batches) if (!firsts.has(rank)) firsts.set(rank, sequence);
  const unseen = [...firsts.values()].reduce((sum, first) => sum + first, 0);
  const engineSizes = new Set(stored(view.batches).map(({ blockSize }) => blockSize));
  const isApart = [...engineSizes].some((size) => size % traceBlockSize !== 0);
  return [
    ...(unseen > 0
      ? [
          `${unseen} batches of events were sent before the capture listened: what was stored then is not known`,
        ]
      : []),
    ...(view.missedBatches > 0 ? [`${view.missedBatches} batches of events were missed`] : []),
    ...(isApart
      ? [
          `the engine's blocks (${[...engineSizes].join(", ")} tokens) are no whole number of the trace's (${traceBlockSize}): only their numbers can be compared; capture with --block-size ${[...engineSizes][0]}`,
        ]
      : view.joinedBlocks < view.storedBlocks
        ? [
            `${view.storedBlocks - view.joinedBlocks} of ${view.storedBlocks} stored blocks cannot be named in the trace's fingerprints`,
          ]
        : []),
    ...(firsts.size > 1 ? [`${firsts.size} ranks sent events, and the simulated pool is one`] : []),
    ...(view.problems.length > 0
      ? [`${view.problems.length} lines of the engine's view cannot be read`]
      : []),
  ];
}

function poolOf(workload: Workload, view: EngineView, settings: EngineSettings): PoolComparison {
  const run = onCapturedClock(workload, settings);
  const of = (kind: "stored" | "removed") =>
    orderAgreement(
      view.batches.flatMap(({ events }) =>
        events.flatMap((event) => (event.kind === kind && isAccelerators(event) ? [...event.blockIds] : [])),
      ),
      run.events.filter((event) => event.kind === kind).map(({ contentId }) => contentId),
    );
  let rowsWithCached = 0;
  let rowsAlike = 0;
  workload.trace.records.forEach(({ cachedTokens }, index) => {
    const modeled = run.cachedTokens[index];
    if (cachedTokens === undefined || modeled === undefined) return;
    rowsWithCached++;
    if (cachedTokens === modeled) rowsAlike++;
  });
  return {
    blockSize: settings.blockSize,
    kvCacheBlocks: settings.kvCacheBlocks,
    stored: of("stored"),
    removed: of("removed"),
    preemptions: run.preemptions,
    rowsWithCached,
    rowsAlike,
  };
}

function stored(batches: readonly CacheEventBatch[]) {
  return batches.flatMap(({ events }) => events.flatMap((event) => (event.kind === "stored" ? [event] : [])));
}

/** Blocks of the first pool in the accelerator's memory; others have no counterpart in the simulated one. */
function isAccelerators(event: CacheEvent): boolean {
  return event.kind !== "cleared" && event.medium === undefined && event.group === undefined;
}

function countersOf({ trace }: Workload, { snapshots }: EngineView): CountersComparison | undefined {
  if (snapshots.length < 2) return undefined;
  const counts = { queriedTokens: 0, hitTokens: 0, preemptions: 0 };
  const told = { queriedTokens: false, hitTokens: false, preemptions: false };
  let restarts = 0;
  for (let i = 1; i < snapshots.length; i++) {
    const before = snapshots[i - 1].counters;
    const after = snapshots[i].counters;
    const isNew = (["queriedTokens", "hitTokens", "preemptions", "outputTokens"] as const).some(
      (name) => (after[name] ?? 0) < (before[name] ?? 0),
    );
    if (isNew) restarts++;
    for (const name of ["queriedTokens", "hitTokens", "preemptions"] as const) {
      const now = after[name];
      if (now === undefined) continue;
      told[name] = true;
      counts[name] += isNew ? now : now - (before[name] ?? 0);
    }
  }
  const most = (name: "running" | "waiting") => {
    const values = snapshots.flatMap(({ counters }) => counters[name] ?? []);
    return values.length === 0 ? undefined : Math.max(...values);
  };
  const rows = trace.records.filter(({ cachedTokens }) => cachedTokens !== undefined);
  const [mostRunning, mostWaiting] = [most("running"), most("waiting")];
  return {
    looks: snapshots.length,
    ...(told.queriedTokens && { queriedTokens: counts.queriedTokens }),
    ...(told.hitTokens && { hitTokens: counts.hitTokens }),
    ...(told.preemptions && { preemptions: counts.preemptions }),
    ...(mostRunning !== undefined && { mostRunning }),
    ...(mostWaiting !== undefined && { mostWaiting }),
    rowPromptTokens: rows.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
    rowCachedTokens: rows.reduce((sum, { cachedTokens = 0 }) => sum + cachedTokens, 0),
    rowsWithoutCached: trace.records.length - rows.length,
    restarts,
  };
}
