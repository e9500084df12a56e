import {
  arrivalsInspection,
  type CohortName,
  type TraceInspection,
  ttftObservation,
} from "../cohorts/index.js";
import { type SurvivalSketch, survivalSketch } from "../survival/index.js";
import { type ReadProgress, readTraceRows } from "../trace/files/index.js";
import { isAnswered, type JsonValue, type TraceRecord } from "../trace/index.js";
import { DistinctCounter } from "./distinct-counter.js";
import { QuantileSketch } from "./quantile-sketch.js";
import { windowedSessions } from "./windowed-sessions.js";

/** How to summarize a file. */
export interface SummarizeOptions {
  /** As in `windowedSessions`: requests in memory at a time. */
  readonly windowRequests?: number;
  readonly onProgress?: (progress: ReadProgress) => void;
}

/** What one pass over a trace of any length tells. */
export interface TraceFileSummary {
  /**
   * The same document as `inspectTrace` gives. Medians are within 0.1 %, distinct blocks and the share of
   * blocks that were in an earlier prompt within about 1 % of all blocks; everything else is exact.
   */
  readonly inspection: TraceInspection;
  /** TTFT of each turn cohort: `curve()` is its Kaplan-Meier curve, times within 0.1 %. Requests without a first token are censored. */
  readonly ttft: Readonly<Record<CohortName, SurvivalSketch>>;
}

/** Chains are read into a table that is emptied once it holds this many blocks. */
export const tableBlocks = 1_000_000;

/**
 * Reads a trace once, in memory that does not grow with its length (but for one byte a session, and the names of recorded sessions), and tells what is in it: counts,
 * ranges, sharing, sessions, and the survival curves of TTFT by turn cohort.
 * @throws InputError as `readTraceRows` does
 */
export async function summarizeTraceFile(
  path: string,
  options: SummarizeOptions = {},
): Promise<TraceFileSummary> {
  const { windowRequests, onProgress } = options;
  const rows = readTraceRows(path, { maxBlocks: tableBlocks, ...(onProgress && { onProgress }) });
  const totals = new TraceTotals();
  const ttft = { all: survivalSketch(), turn1: survivalSketch(), turns2plus: survivalSketch() };
  const sessions = new SessionTotals();
  const labelled = windowedSessions(rows, {
    ...(windowRequests !== undefined && { windowRequests }),
    keep: (record, blocks) => {
      totals.add(record, (id, distinct) => distinct.add(blocks.high(id), blocks.low(id)));
      return ttftObservation(record);
    },
  });
  for await (const { value, session, turn, agentDepth, waitsFor } of labelled) {
    sessions.add(session, turn, agentDepth > 0, waitsFor > 1);
    if (!value) continue;
    ttft.all.add(value.timeMs, value.observed);
    (turn === 1 ? ttft.turn1 : ttft.turns2plus).add(value.timeMs, value.observed);
  }
  const { extra, ...known } = rows.meta;
  return {
    inspection: {
      ...totals.inspection(rows.meta.blockSize ?? 16),
      rejected: rows.rejectedCount,
      warnings: rows.warnings.length,
      meta: { ...(known as Readonly<Record<string, JsonValue>>), ...extra },
      sessions: sessions.counts(),
      problems: [...rows.rejected, ...rows.warnings].slice(0, 20),
    },
    ttft,
  };
}

/** Running counts and sketches over records. */
class TraceTotals {
  #requests = 0;
  #completed = 0;
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  #arrivals = 0;
  #hashed = 0;
  #blocks = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #withHit = 0;
  readonly #distinct = new DistinctCounter();
  readonly #finishReasons: Record<string, number> = {};
  readonly #ranges = {
    promptTokens: new QuantileSketch(),
    outputTokens: new QuantileSketch(),
    cachedTokens: new QuantileSketch(),
    ttftMs: new QuantileSketch(),
    itlMs: new QuantileSketch(),
    concurrency: new QuantileSketch(),
  };

  add(record: TraceRecord, addBlock: (id: number, distinct: DistinctCounter) => void): void {
    const ranges = this.#ranges;
    this.#requests++;
    if (isAnswered(record)) this.#completed++;
    if (record.arrivalMs !== undefined) {
      this.#arrivals++;
      this.#firstMs = Math.min(this.#firstMs, record.arrivalMs);
      this.#lastMs = Math.max(this.#lastMs, record.arrivalMs);
    }
    ranges.promptTokens.add(record.promptTokens);
    ranges.outputTokens.add(record.outputTokens);
    if (record.ttftMs !== undefined) ranges.ttftMs.add(record.ttftMs);
    if (record.concurrency !== undefined) ranges.concurrency.add(record.concurrency);
    if (record.itlMs) for (const gapMs of record.itlMs) ranges.itlMs.add(gapMs);
    if (record.cachedTokens !== undefined) {
      ranges.cachedTokens.add(record.cachedTokens);
      this.#promptTokens += record.promptTokens;
      this.#cachedTokens += record.cachedTokens;
      if (record.cachedTokens > 0) this.#withHit++;
    }
    if (record.blockIds) {
      this.#hashed++;
      this.#blocks += record.blockIds.length;
      for (const id of record.blockIds) addBlock(id, this.#distinct);
    }
    const reason = record.finishReason ?? "not recorded";
    this.#finishReasons[reason] = (this.#finishReasons[reason] ?? 0) + 1;
  }

  inspection(blockSize: number) {
    const ranges = Object.entries(this.#ranges).flatMap(([name, sketch]) => {
      const range = sketch.range();
      return range ? [[name, range] as const] : [];
    });
    const distinct = Math.min(this.#blocks, this.#distinct.estimate());
    return {
      requests: this.#requests,
      completed: this.#completed,
      censored: this.#requests - this.#completed,
      ...arrivalsInspection(this.#arrivals, this.#firstMs, this.#lastMs),
      ranges: Object.fromEntries(ranges),
      sharing: {
        hashedRequests: this.#hashed,
        blockSize,
        blocks: this.#blocks,
        distinctBlocks: distinct,
        // A block is new the first time that a prompt holds it, and was in an earlier prompt ever after.
        ...(this.#blocks > 0 && { unboundedHitFraction: 1 - distinct / this.#blocks }),
        ...(this.#promptTokens > 0 && { recordedCachedFraction: this.#cachedTokens / this.#promptTokens }),
        requestsWithHit: this.#withHit,
      },
      finishReasons: this.#finishReasons,
    };
  }
}

/** Sessions, and how many of them have more than one request: one byte a session. */
class SessionTotals {
  #requests: Uint8Array = new Uint8Array(1024);
  #count = 0;
  #multiTurn = 0;
  #longest = 0;
  #subAgentRequests = 0;
  #joins = 0;

  add(session: number, turn: number, isOfSubAgent: boolean, joins: boolean): void {
    if (isOfSubAgent) this.#subAgentRequests++;
    if (joins) this.#joins++;
    if (session >= this.#requests.length) {
      const larger = new Uint8Array(2 * Math.max(session + 1, this.#requests.length));
      larger.set(this.#requests);
      this.#requests = larger;
    }
    this.#count = Math.max(this.#count, session + 1);
    this.#longest = Math.max(this.#longest, turn);
    if (this.#requests[session] === 1) this.#multiTurn++;
    if (this.#requests[session] < 2) this.#requests[session]++;
  }

  counts(): TraceInspection["sessions"] {
    return {
      count: this.#count,
      multiTurn: this.#multiTurn,
      longestTurns: this.#longest,
      subAgentRequests: this.#subAgentRequests,
      joins: this.#joins,
    };
  }
}
