import {
  type Blocks,
  type Ms,
  type PerSecond,
  quantileSorted,
  sortedCopy,
  type Tokens,
} from "../base/index.js";
import type { SessionLabels, Workload } from "../sessions/index.js";
import { settingsToWire } from "../settings/index.js";
import { isAnswered, type JsonValue, type Trace } from "../trace/index.js";

/** Smallest, median and largest of a quantity, over the records that have it. */
export interface Range {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly max: number;
}

/** What {@link TraceInspection} tells the range of. */
export type RangedQuantity =
  | "promptTokens"
  | "outputTokens"
  | "cachedTokens"
  | "ttftMs"
  | "itlMs"
  | "concurrency";

/** What is in a trace. What no row tells is undefined. */
export interface TraceInspection {
  readonly requests: number;
  /** Requests with their whole answer, streamed or not, and all others. */
  readonly completed: number;
  readonly censored: number;
  readonly rejected: number;
  readonly warnings: number;
  /** First to last arrival. */
  readonly spanMs?: Ms;
  /** Arrivals after the first a second of that. */
  readonly ratePerSecond?: PerSecond;
  readonly meta: Readonly<Record<string, JsonValue>>;
  readonly ranges: Readonly<Partial<Record<RangedQuantity, Range>>>;
  readonly sharing: {
    readonly hashedRequests: number;
    /** Requests without block hashes by reason, where the trace tells one for some. */
    readonly withoutHashes?: Readonly<Record<string, number>>;
    readonly blockSize: Tokens;
    readonly blocks: Blocks;
    readonly distinctBlocks: Blocks;
    /** Share of prompt blocks that were in an earlier prompt: the hits of a cache without bound that keeps no answers. */
    readonly unboundedHitFraction?: number;
    readonly recordedCachedFraction?: number;
    readonly requestsWithHit: number;
  };
  readonly sessions: { readonly count: number; readonly multiTurn: number; readonly longestTurns: number };
  readonly finishReasons: Readonly<Record<string, number>>;
  readonly problems: readonly { readonly line: number; readonly reason: string }[];
}

/**
 * Counts, ranges, sharing, hits and sessions of a trace.
 * @example
 * ```ts
 * import { inspectTrace, readCapture, workloadOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { requests, sharing, sessions } = inspectTrace(workloadOf(trace));
 * [requests, sessions.count, sharing.unboundedHitFraction]; // → [320, 64, 0.905]
 * ```
 */
export function inspectTrace({ trace, sessions }: Workload): TraceInspection {
  const { records, meta } = trace;
  const completed = records.filter(isAnswered).length;
  const arrivals = records.flatMap((r) => r.arrivalMs ?? []);
  const finishReasons: Record<string, number> = {};
  for (const { finishReason } of records)
    finishReasons[finishReason ?? "not recorded"] = (finishReasons[finishReason ?? "not recorded"] ?? 0) + 1;
  const { extra, engine = {}, ...known } = meta;
  const { maxNumSeqs, maxNumBatchedTokens, ...settings } = engine;
  return {
    requests: records.length,
    completed,
    censored: records.length - completed,
    rejected: trace.rejected.length,
    warnings: trace.warnings.length,
    ...arrivalsInspection(arrivals.length, arrivals[0], arrivals[arrivals.length - 1]),
    meta: {
      ...(known as Readonly<Record<string, JsonValue>>),
      ...(maxNumSeqs !== undefined && { maxNumSeqs }),
      ...(maxNumBatchedTokens !== undefined && { maxNumBatchedTokens }),
      ...settingsToWire(settings),
      ...extra,
    },
    ranges: rangesOf({
      promptTokens: records.map((r) => r.promptTokens),
      outputTokens: records.map((r) => r.outputTokens),
      cachedTokens: records.flatMap((r) => r.cachedTokens ?? []),
      ttftMs: records.flatMap((r) => r.ttftMs ?? []),
      itlMs: records.flatMap((r) => (r.itlMs ? [...r.itlMs] : [])),
      concurrency: records.flatMap((r) => r.concurrency ?? []),
    }),
    sharing: sharingOf(trace),
    sessions: sessionCounts(sessions),
    finishReasons,
    problems: [...trace.rejected, ...trace.warnings].slice(0, 20),
  };
}

/** How long arrivals took and how many came a second; nothing of a single one, no rate of those that came at once. */
export function arrivalsInspection(
  count: number,
  firstMs: Ms,
  lastMs: Ms,
): Pick<TraceInspection, "spanMs" | "ratePerSecond"> {
  if (count < 2) return {};
  const spanMs = lastMs - firstMs;
  return { spanMs, ...(spanMs !== 0 && { ratePerSecond: (1000 * (count - 1)) / spanMs }) };
}

function rangesOf(values: Readonly<Record<RangedQuantity, readonly number[]>>): TraceInspection["ranges"] {
  const found = Object.entries(values).flatMap(([name, column]) => {
    if (column.length === 0) return [];
    const ascending = sortedCopy(column);
    const last = ascending.length - 1;
    const p50 = quantileSorted(ascending, 0.5) as number;
    return [[name, { n: ascending.length, min: ascending[0], p50, max: ascending[last] }]];
  });
  return Object.fromEntries(found);
}

/** Stands for the reason where none is recorded. */
const NOT_TOLD = "not recorded";

function sharingOf(trace: Trace): TraceInspection["sharing"] {
  const seen = new Uint8Array(trace.blocks.size);
  let blocks = 0;
  let hits = 0;
  let distinct = 0;
  let hashed = 0;
  const reasons: Record<string, number> = {};
  let promptTokens = 0;
  let cachedTokens = 0;
  let withHit = 0;
  for (const record of trace.records) {
    if (record.cachedTokens !== undefined) {
      promptTokens += record.promptTokens;
      cachedTokens += record.cachedTokens;
      if (record.cachedTokens > 0) withHit++;
    }
    if (!record.blockIds) {
      const told = record.extra?.no_hashes;
      const reason = typeof told === "string" ? told : NOT_TOLD;
      reasons[reason] = (reasons[reason] ?? 0) + 1;
      continue;
    }
    hashed++;
    blocks += record.blockIds.length;
    for (const id of record.blockIds) {
      if (seen[id]) hits++;
      else {
        seen[id] = 1;
        distinct++;
      }
    }
  }
  return {
    hashedRequests: hashed,
    ...(Object.keys(reasons).some((reason) => reason !== NOT_TOLD) && { withoutHashes: reasons }),
    blockSize: trace.meta.blockSize ?? 16,
    blocks,
    distinctBlocks: distinct,
    ...(blocks > 0 && { unboundedHitFraction: hits / blocks }),
    ...(promptTokens > 0 && { recordedCachedFraction: cachedTokens / promptTokens }),
    requestsWithHit: withHit,
  };
}

function sessionCounts(sessions: SessionLabels): TraceInspection["sessions"] {
  const turns = new Map<number, number>();
  for (const session of sessions.session) turns.set(session, (turns.get(session) ?? 0) + 1);
  return {
    count: turns.size,
    multiTurn: [...turns.values()].filter((t) => t > 1).length,
    longestTurns: sessions.turn.reduce((most, t) => Math.max(most, t), 0),
  };
}
