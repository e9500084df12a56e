import type { Ms, Tokens } from "../base/index.js";

/** A request that another one waits for. */
export interface Follows {
  /** An index into the same list. */
  readonly parent: number;
  readonly gapMs: Ms;
  /** What starts the gap: the client's having the last token, or its sending the request. Default: the last token. */
  readonly from?: "start";
}

/**
 * One request as the engine sees it. It fires at a time of its own, a gap after another request's completion, or in turn;
 * the engine never asks why, nor where the block ids come from.
 */
export interface EngineRequest {
  readonly promptTokens: Tokens;
  /** Output tokens to generate, at least 1. */
  readonly outputTokens: Tokens;
  /**
   * Content ids of the full blocks of prompt and answer together, in the pool's block size:
   * floor((promptTokens + outputTokens) / blockSize) of them. Equal ids mean equal content up to that block's end.
   */
  readonly contentIds: Int32Array;
  /** For the ordering `priority`: lower numbers are more important. vLLM's field of a request; 0 where not given. */
  readonly priority?: number;
  /** The conversation that it belongs to, for routers that keep one in one place: what a client would send as a header. */
  readonly session?: number;
  /** When the client sends it, ms of virtual time. Exactly one of `fireAtMs`, `after` and `inTurn` is given. */
  readonly fireAtMs?: Ms;
  /** Sent `gapMs` after the client has the last token of request `parent` (an index into the same list). */
  readonly after?: Follows;
  /** Waited for as well, beside `after`: it is sent at the latest of all their times. */
  readonly joins?: readonly Follows[];
  /**
   * Closed loop: sent in the list's order, as soon as fewer than `maxInFlight` of the requests in turn are in flight, and
   * `gapMs` after the end that made room or the send of the one before it, whichever is later.
   */
  readonly inTurn?: { readonly maxInFlight: number; readonly gapMs: Ms };
}
