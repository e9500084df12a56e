import type { Ms, Tokens } from "../base/index.js";
import type { JsonValue, RowProblem } from "./trace.js";

/**
 * What an engine counts of itself, since its start unless said otherwise. A count is undefined where it does not tell.
 */
export interface EngineCounters {
  /** Prompt tokens that were looked up in the prefix cache, and those that were found there. */
  readonly queriedTokens?: Tokens;
  readonly hitTokens?: Tokens;
  readonly promptTokens?: Tokens;
  /** Prompt tokens that it computed. */
  readonly computedTokens?: Tokens;
  readonly outputTokens?: Tokens;
  /** Running requests that had to give up their blocks. */
  readonly preemptions?: number;
  /** Requests now. */
  readonly running?: number;
  readonly waiting?: number;
  /** Share of the KV pool that is in use now, 0 to 1. */
  readonly kvUsage?: number;
}

/** The counters as they were at one moment. */
export interface EngineSnapshot {
  /** Since the start of the capture; before it, negative. */
  readonly atMs: Ms;
  readonly counters: EngineCounters;
}

/** One thing that the engine said about its prefix cache. */
export type CacheEvent =
  | {
      readonly kind: "stored";
      /** Blocks that can be found from now on, first to last: ids of the trace's table. */
      readonly blockIds: Int32Array;
      /** The block that they continue; -1 for none, or one that is not known. */
      readonly parentId: number;
      readonly blockSize: Tokens;
      /** Where they are, when it is not the accelerator's memory: "CPU", "STORAGE". */
      readonly medium?: string;
      /** Which of a hybrid model's pools, when it is not the first. */
      readonly group?: number;
    }
  | {
      readonly kind: "removed";
      /** Blocks that can be found no more; -1 for one that was not seen stored. */
      readonly blockIds: Int32Array;
      readonly medium?: string;
      readonly group?: number;
    }
  | {
      /** Nothing can be found any more: the cache was reset, or the engine started anew. */
      readonly kind: "cleared";
    };

/** What the engine said at the end of one of its steps. */
export interface CacheEventBatch {
  /** When it was received, since the start of the capture. */
  readonly atMs: Ms;
  /** When the engine says that it sent it, on the same clock. */
  readonly sentMs?: Ms;
  /** The engine's number of the batch, from 0. */
  readonly sequence: number;
  /** The data-parallel rank that sent it, where there are several. */
  readonly rank?: number;
  readonly events: readonly CacheEvent[];
}

/**
 * An engine's own view of a capture, recorded beside its requests: what it counted and which blocks it stored and removed.
 * Blocks have the ids of the capture's own table, so that they can be compared with those of its rows.
 */
export interface EngineView {
  readonly meta: Readonly<Record<string, JsonValue>>;
  readonly snapshots: readonly EngineSnapshot[];
  readonly batches: readonly CacheEventBatch[];
  /** Batches that the engine numbered and nobody received. */
  readonly missedBatches: number;
  /** Stored blocks that have a name in the trace's fingerprints; others can only be compared with each other. */
  readonly joinedBlocks: number;
  readonly storedBlocks: number;
  readonly problems: readonly RowProblem[];
}
