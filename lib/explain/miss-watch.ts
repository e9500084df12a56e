import type { Ms, Tokens } from "../base/index.js";
import { completionMs, PARENT_KINDS, sessionsOf } from "../sessions/index.js";
import { BlockTable, inArrivalOrder, movedBlocks, type TraceMeta, type TraceRecord } from "../trace/index.js";
import { explainMisses } from "./explain-misses.js";
import { isLost, type MissCause } from "./miss-causes.js";
import type { MissPart } from "./request-walk.js";

/** Tokens of prompts and answers that are kept at least three quarters of, by default. */
const WINDOW_TOKENS = 4 * 2 ** 20;

/** How long a request is waited for that others depend on, by default. */
const WAIT_MS = 10_000;

/** A request of which tokens were computed that an earlier prompt should have left in the cache. */
export interface PrefixLoss {
  readonly requestId?: string;
  readonly arrivalMs?: Ms;
  /** As recorded, or `#` and a number. */
  readonly session: string;
  /** From 1, in what was watched. */
  readonly turn: number;
  readonly promptTokens: Tokens;
  /** Undefined where the server does not tell it: then diverged parts alone are known. */
  readonly cachedTokens?: Tokens;
  /** The request that it goes on from. */
  readonly before?: { readonly turn: number; readonly promptTokens: Tokens };
  /** Of all lost parts. */
  readonly lostTokens: Tokens;
  /** In the order of the prompt, as `explainMisses` has them. */
  readonly parts: readonly MissPart[];
  /** Requests before it that diverged in the same way at the same token as this one. */
  readonly sameBefore: number;
}

/** How much is watched. */
export interface WatchOptions {
  /** What the trace tells of the engine. */
  readonly meta: TraceMeta;
  /** Tokens of prompts and answers kept. What was last used longer ago counts as never sent. Default 4 Mi. */
  readonly windowTokens?: Tokens;
  /** How long a request waits for those that came before it and are not over, and for what later ones tell. Default 10,000. */
  readonly waitMs?: Ms;
}

/** Where a request stands in its session. */
interface Place {
  readonly session: string;
  readonly turn: number;
}

interface Held {
  record: TraceRecord;
  readonly addedMs: Ms;
  isDecided: boolean;
  place?: Place;
}

/** Whether these are so depends on requests that come later. */
const isOpen = (cause: MissCause): boolean =>
  cause === "reset" || cause === "evicted_order_unknown" || cause === "unexplained";

/**
 * Explains requests while they come: {@link explainMisses} on a window of those before, over and over, so that each one's
 * causes are those of the whole trace, as far as the window tells it. Requests are given in the order in which they end. One
 * is decided once those that were in flight when it came are over, or have been waited for. What it costs is a window's
 * explanation a call of `settle`, however many requests are decided by it; memory is bounded by the window.
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { MissWatch } from "prefixlab/explain";
 * const { meta, records, blocks } = await readCapture({ role: "judge", scenario: "cold", seed: 1 });
 * const watch = new MissWatch({ meta });
 * for (const record of records.slice(0, 20)) watch.add(record, blocks, 0);
 * watch.settle(0, true).map(({ lostTokens }) => lostTokens).slice(0, 3); // → [1344, 1472, 1344]
 * ```
 */
export class MissWatch {
  readonly #meta: TraceMeta;
  readonly #windowTokens: Tokens;
  readonly #waitMs: Ms;
  readonly #places = new Map<string, number>();
  #held: Held[] = [];
  #blocks = new BlockTable();
  #tokens: Tokens = 0;
  #sessions = 0;
  #tellsCached: boolean | undefined;
  #passedBy = 0;

  constructor({ meta, windowTokens = WINDOW_TOKENS, waitMs = WAIT_MS }: WatchOptions) {
    this.#meta = meta;
    this.#windowTokens = windowTokens;
    this.#waitMs = waitMs;
  }

  /** Whether any request told what it found in the cache; undefined before one that was served. */
  get tellsCached(): boolean | undefined {
    return this.#tellsCached;
  }

  /** Requests that left the window before they could be decided. */
  get passedBy(): number {
    return this.#passedBy;
  }

  /** Requests that are not decided. */
  get undecided(): number {
    return this.#held.reduce((count, { isDecided }) => count + (isDecided ? 0 : 1), 0);
  }

  /**
   * One more request is over.
   * @param blocks the table behind its block ids
   * @param nowMs of any clock that `settle` has too
   */
  add(record: TraceRecord, blocks: BlockTable, nowMs: Ms): void {
    if (record.cachedTokens !== undefined) this.#tellsCached = true;
    else if (record.outputTokens > 0) this.#tellsCached ??= false;
    this.#tokens += tokensOf(record);
    this.#held.push({ record: slim(record, blocks, this.#blocks), addedMs: nowMs, isDecided: false });
    if (this.#tokens > this.#windowTokens) this.#shorten();
  }

  /**
   * The losses of the requests that can be decided by now, in the order of arrival.
   * @param isLast decides all
   */
  settle(nowMs: Ms, isLast = false): PrefixLoss[] {
    const isDue = ({ addedMs }: Held) => isLast || nowMs - addedMs >= this.#waitMs;
    const ready = new Set(
      this.#held.filter((held) => !held.isDecided && (isDue(held) || this.#hasAllBefore(held))),
    );
    if (ready.size === 0) return [];
    const heldOf = new Map(this.#held.map((held) => [held.record, held]));
    const records = inArrivalOrder(this.#held.map(({ record }) => record));
    const isTold = records.some(({ cachedTokens }) => cachedTokens !== undefined);
    const trace = {
      meta: this.#meta,
      // Where nobody says what was found, a walk from the start finds where prompts part, and nothing else that counts.
      records: isTold ? records : records.map((record) => ({ ...record, cachedTokens: 0 })),
      blocks: this.#blocks,
      rejected: [],
      warnings: [],
    };
    const sessions = sessionsOf(trace);
    const places = records.map((record, index) => {
      const held = heldOf.get(record) as Held;
      if (held.isDecided) return held;
      const before = heldOf.get(records[sessions.parent[index]])?.place;
      const how = PARENT_KINDS[sessions.link?.[index] ?? 0];
      const next = !before || how === "spawn" ? 1 : before.turn + (how === "retry" ? 0 : 1);
      held.place = {
        session: record.session ?? before?.session ?? held.place?.session ?? `#${++this.#sessions}`,
        // A recorded turn may have come after others that left the window.
        turn: sessions.isRecorded[index] === 1 ? Math.max(next, sessions.turn[index]) : next,
      };
      return held;
    });
    const losses: PrefixLoss[] = [];
    for (const { index, promptTokens, cachedTokens, parts } of explainMisses({ trace, sessions }).requests) {
      const held = heldOf.get(records[index]) as Held;
      if (!ready.has(held)) continue;
      const lost = parts.filter(({ cause }) => (isTold ? isLost(cause) : cause === "diverged"));
      if (lost.some(({ cause }) => isOpen(cause)) && !isDue(held)) {
        ready.delete(held);
        continue;
      }
      const { requestId, arrivalMs } = held.record;
      const parent = sessions.parent[index];
      const sameBefore = this.#sameBefore(lost);
      if (lost.length === 0) continue;
      losses.push({
        ...(requestId !== undefined && { requestId }),
        ...(arrivalMs !== undefined && { arrivalMs }),
        ...(held.place as Place),
        promptTokens,
        ...(isTold && { cachedTokens }),
        ...(parent >= 0 && {
          before: { turn: (places[parent].place as Place).turn, promptTokens: records[parent].promptTokens },
        }),
        lostTokens: lost.reduce((sum, { tokens }) => sum + tokens, 0),
        parts: lost,
        sameBefore,
      });
    }
    for (const held of ready) held.isDecided = true;
    return losses;
  }

  /** True where all that were in flight when it came are known. */
  #hasAllBefore({ record }: Held): boolean {
    const { arrivalMs, concurrency } = record;
    if (arrivalMs === undefined || concurrency === undefined) return true;
    let before = 0;
    for (const { record: other } of this.#held) {
      if (other === record || other.arrivalMs === undefined || other.arrivalMs > arrivalMs) continue;
      if ((completionMs(other) ?? other.arrivalMs) >= arrivalMs) before++;
    }
    return before >= concurrency - 1;
  }

  #sameBefore(parts: readonly MissPart[]): number {
    const left = parts.find(({ divergence }) => divergence !== undefined);
    if (!left?.divergence) return 0;
    const key = `${left.divergence.kind}/${left.divergence.message?.role}/${left.fromToken}`;
    const same = this.#places.get(key) ?? 0;
    if (this.#places.size > 1_000) this.#places.clear();
    this.#places.set(key, same + 1);
    return same;
  }

  /** Lets the oldest go, down to three quarters of the window. */
  #shorten(): void {
    let from = 0;
    for (; this.#tokens > 0.75 * this.#windowTokens && from < this.#held.length - 1; from++) {
      const { record, isDecided } = this.#held[from];
      this.#tokens -= tokensOf(record);
      if (!isDecided) this.#passedBy++;
    }
    const blocks = new BlockTable();
    this.#held = this.#held.slice(from);
    for (const held of this.#held) held.record = slim(held.record, this.#blocks, blocks);
    this.#blocks = blocks;
  }
}

/** Every request takes some room, whatever its prompt. */
function tokensOf({ promptTokens, outputTokens, messages = [] }: TraceRecord): Tokens {
  return promptTokens + outputTokens + 64 * (messages.length + 1);
}

/** What a record is explained by, its block ids those of another table. */
function slim(record: TraceRecord, from: BlockTable, to: BlockTable): TraceRecord {
  const {
    itlMs,
    itlTokens: _tokens,
    itlCtx: _steps,
    outputTokenIds: _ids,
    extra: { prompt_token_ids: _prompt, ...extra } = {},
    ...rest
  } = record;
  const meanMs = itlMs && itlMs.length > 0 && itlMs.reduce((sum, gap) => sum + gap, 0) / itlMs.length;
  return {
    ...rest,
    extra,
    ...(itlMs && meanMs && { itlSummary: { meanMs, count: itlMs.length } }),
    ...movedBlocks(record, from, to),
  };
}
