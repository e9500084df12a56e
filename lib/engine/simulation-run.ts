import type { Ms, Tokens } from "../base/index.js";
import type { PrefillRun } from "./hand-overs.js";
import type { KvLoad } from "./kv-load.js";
import type { ReplicaEventOutcome } from "./replica-events.js";

/**
 * What a run tells: requests, tokens and times, one entry a request in the order given. How many tokens a step gives,
 * and when steps end, is the engine's own affair. Times are ms of virtual time; those of tokens are when the client has
 * them.
 */
export interface SimulationRun {
  readonly requests: number;
  /** Engines that served them; where prefills are apart, those that decode. */
  readonly replicas: number;
  /** The engine that each was sent to; -1 where it was never sent. */
  readonly replica: Int32Array;
  /** When the client sent it; NaN where it was never sent (its parent did not complete, and was not given up for the next). */
  readonly fireMs: Float64Array;
  /** When the scheduler admitted it; NaN where it never did. */
  readonly admittedMs: Float64Array;
  /** Requests running in the step that admitted it, itself included; 0 where it never was. */
  readonly runningAtAdmission: Int32Array;
  /**
   * Prompt tokens found in the prefix cache at the first admission, those loaded from lower tiers among them; -1 where it was never
   * admitted. Where a prefill engine computed the prompt, those that it found.
   */
  readonly cachedTokens: Int32Array;
  /** Output tokens that came: all that it asked for where it completed. */
  readonly outputTokens: Int32Array;
  /** Requests refused because they can never fit the pool. */
  readonly refused: readonly number[];
  /** What clients put up with, from sending a request to its last token; undefined where they wait for ever. */
  readonly requestTimeoutMs?: Ms;
  /** When the last engine stopped. */
  readonly endMs: Ms;
  /** Time in which a step was running, summed over engines, those that prefill among them. */
  readonly busyMs: Ms;
  readonly preemptions: number;
  /** These of each engine; where prefills are apart, of those that decode. */
  readonly engines: readonly EngineTotals[];
  readonly prefixQueryTokens: Tokens;
  readonly prefixHitTokens: Tokens;
  readonly evictedBlocks: number;
  /** What requests loaded from the tiers behind the pool, engine by engine in the order in which it was there; `tag` is the request. */
  readonly kvLoads: readonly KvLoad[];
  /** What prefill engines did; undefined where there are none. */
  readonly prefill?: PrefillRun;
  /** When the client has a request's first token; undefined where none came. */
  firstTokenMs(request: number): Ms | undefined;
  /** When the client has the last of all its tokens; undefined where it did not complete. */
  lastTokenMs(request: number): Ms | undefined;
  /** What happened to replicas, and to which requests, in order of time; undefined where nothing was to happen. */
  readonly replicaEvents?: readonly ReplicaEventOutcome[];
  /** When a request was lost with its replica; undefined where it was not. */
  lostMs?(request: number): Ms | undefined;
  /** When its client gave up on a request; undefined where it did not. */
  timedOutMs(request: number): Ms | undefined;
  /** When the engine was done with a request, complete or dropped; undefined where it still had it when it stopped. */
  leftMs(request: number): Ms | undefined;
  /** From the first to the last token that came; undefined where none did. */
  decodeMs(request: number): Ms | undefined;
  /** Writes when the client has each output token that came into `into`, from `at` on; returns how many. */
  tokenTimes(request: number, into: Float64Array, at: number): number;
  /** Writes the gaps between consecutive output tokens into `into`, from `at` on; returns how many. */
  tokenGaps(request: number, into: Float64Array, at: number): number;
  /** The engine's load behind each gap of a request; undefined where the run did not keep loads. */
  gapContext(request: number): GapContext | undefined;
  /** What preempted requests had to compute again. */
  recomputations(): Recomputation[];
  /** An engine's load over time; undefined where the run did not keep loads. */
  loads(replica?: number): EngineLoads | undefined;
}

/** What one engine did. */
export interface EngineTotals {
  /** Time in which a step was running. */
  readonly busyMs: Ms;
  readonly preemptions: number;
}

/** The load of the engine when each token after the first was made: one entry a gap. */
export interface GapContext {
  readonly numRunning: Int32Array;
  /** Prompt tokens of the requests whose prefill ended with that token. */
  readonly prefillTokens: Int32Array;
}

/** A preempted request's return: it computed its prompt and what it had emitted again. */
export interface Recomputation {
  readonly request: number;
  /** When that was done, on the engine. */
  readonly endMs: Ms;
  /** Output tokens that it had emitted. */
  readonly emittedTokens: Tokens;
}

/** Requests in an engine, one entry whenever it looked: arrays of one length. */
export interface EngineLoads {
  readonly endMs: Float64Array;
  readonly running: Int32Array;
  readonly waiting: Int32Array;
  /** Blocks of its pool that requests held. */
  readonly heldBlocks: Int32Array;
}
