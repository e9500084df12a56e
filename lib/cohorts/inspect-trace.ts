import { quantileSorted, sortedCopy } from "../base/index.js";
import type { SessionLabels } from "../sessions/index.js";
import { settingsToWire } from "../settings/index.js";
import { isAnswered, type JsonValue, type Trace } from "../trace/index.js";

/** Smallest, median and largest of a quantity, over the records that have it. */
export interface Range {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly max: number;
}

/** What is in a trace, as `inspect --json` prints it. */
export interface TraceInspection {
  readonly requests: number;
  /** Requests with their whole answer, streamed or not, and all others. */
  readonly completed: number;
  readonly censored: number;
  readonly rejected: number;
  readonly warnings: number;
  readonly duration_s: number | null;
  readonly rate_per_s: number | null;
  readonly meta: Readonly<Record<string, JsonValue>>;
  readonly ranges: Readonly<Record<string, Range>>;
  readonly sharing: {
    readonly hashed_requests: number;
    readonly block_size: number;
    readonly blocks: number;
    readonly distinct_blocks: number;
    /** Share of prompt blocks that were in an earlier prompt: the hits of a cache without bound that keeps no answers. */
    readonly unbounded_hit_fraction: number | null;
    readonly recorded_cached_fraction: number | null;
    readonly requests_with_hit: number;
  };
  readonly sessions: { readonly count: number; readonly multi_turn: number; readonly longest_turns: number };
  readonly finish_reasons: Readonly<Record<string, number>>;
  readonly problems: readonly { readonly line: number; readonly reason: string }[];
}

/**
 * Counts, ranges, sharing, hits and sessions of a trace.
 * @example
 * ```ts
 * import { inspectTrace, readCapture, sessionsOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { requests, sharing, sessions } = inspectTrace(trace, sessionsOf(trace));
 * [requests, sessions.count, sharing.unbounded_hit_fraction]; // → [320, 64, 0.905]
 * ```
 */
export function inspectTrace(trace: Trace, sessions: SessionLabels): TraceInspection {
  const { records, meta } = trace;
  const completed = records.filter(isAnswered).length;
  const arrivals = records.flatMap((r) => r.arrivalMs ?? []);
  const spanMs = arrivals.length > 1 ? arrivals[arrivals.length - 1] - arrivals[0] : undefined;
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
    duration_s: spanMs === undefined ? null : spanMs / 1000,
    rate_per_s: spanMs === undefined || spanMs === 0 ? null : (1000 * (arrivals.length - 1)) / spanMs,
    meta: {
      ...(known as Readonly<Record<string, JsonValue>>),
      ...(maxNumSeqs !== undefined && { maxNumSeqs }),
      ...(maxNumBatchedTokens !== undefined && { maxNumBatchedTokens }),
      ...settingsToWire(settings),
      ...extra,
    },
    ranges: {
      ...range(
        "prompt_tokens",
        records.map((r) => r.promptTokens),
      ),
      ...range(
        "output_tokens",
        records.map((r) => r.outputTokens),
      ),
      ...range(
        "cached_tokens",
        records.flatMap((r) => r.cachedTokens ?? []),
      ),
      ...range(
        "ttft_ms",
        records.flatMap((r) => r.ttftMs ?? []),
      ),
      ...range(
        "itl_ms",
        records.flatMap((r) => (r.itlMs ? [...r.itlMs] : [])),
      ),
      ...range(
        "concurrency",
        records.flatMap((r) => r.concurrency ?? []),
      ),
    },
    sharing: sharingOf(trace),
    sessions: sessionCounts(sessions),
    finish_reasons: finishReasons,
    problems: [...trace.rejected, ...trace.warnings].slice(0, 20),
  };
}

function range(name: string, values: readonly number[]): Record<string, Range> {
  if (values.length === 0) return {};
  const ascending = sortedCopy(values);
  return {
    [name]: {
      n: ascending.length,
      min: ascending[0],
      p50: quantileSorted(ascending, 0.5) as number,
      max: ascending[ascending.length - 1],
    },
  };
}

function sharingOf(trace: Trace): TraceInspection["sharing"] {
  const seen = new Uint8Array(trace.blocks.size);
  let blocks = 0;
  let hits = 0;
  let distinct = 0;
  let hashed = 0;
  let promptTokens = 0;
  let cachedTokens = 0;
  let withHit = 0;
  for (const record of trace.records) {
    if (record.cachedTokens !== undefined) {
      promptTokens += record.promptTokens;
      cachedTokens += record.cachedTokens;
      if (record.cachedTokens > 0) withHit++;
    }
    if (!record.blockIds) continue;
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
    hashed_requests: hashed,
    block_size: trace.meta.blockSize ?? 16,
    blocks,
    distinct_blocks: distinct,
    unbounded_hit_fraction: blocks === 0 ? null : hits / blocks,
    recorded_cached_fraction: promptTokens === 0 ? null : cachedTokens / promptTokens,
    requests_with_hit: withHit,
  };
}

function sessionCounts(sessions: SessionLabels): TraceInspection["sessions"] {
  const turns = new Map<number, number>();
  for (const session of sessions.session) turns.set(session, (turns.get(session) ?? 0) + 1);
  return {
    count: turns.size,
    multi_turn: [...turns.values()].filter((t) => t > 1).length,
    longest_turns: sessions.turn.reduce((most, t) => Math.max(most, t), 0),
  };
}
