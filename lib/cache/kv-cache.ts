import type { Blocks, Tokens } from "../base/index.js";

/** What a request that waits would find now, and what it would compute in its first step. */
export interface Admission {
  /** Leading tokens whose KV is there. */
  readonly cachedTokens: Tokens;
  /** Tokens after them that the step would compute. */
  readonly chunkTokens: Tokens;
  /**
   * Tokens after the cached ones that lie in lower tiers, by tier, the nearest first. Where there are some, the request is
   * admitted to load them, and computes nothing until {@link KvCache.loaded}.
   */
  readonly lowerTokens?: readonly Tokens[] | undefined;
  /** In place of these, tokens after the cached ones that another engine computed for it and holds. */
  readonly remoteTokens?: Tokens | undefined;
  /** What it would load is being loaded for another request: it is to be asked for again, and not to be admitted now. */
  readonly isOnItsWay?: boolean;
}

/**
 * Where KV is kept and found: what a scheduler needs of it. The scheduler asks, a cache never asks back. A request is
 * named by its slot, a small integer that is used again once the request has left; it enters, waits, is admitted, grows
 * and is released, perhaps to wait and be admitted again. Where part of what it finds lies in lower tiers, it is admitted to
 * load that, is loaded, and then waits, holding what it has, to be admitted a second time.
 *
 * Implementations: `BlockCache` (vLLM's blocks), `TieredCache` (these with memory behind them), `SlotCache` (llama.cpp's
 * seats).
 */
export interface KvCache {
  /** Tokens a block. */
  readonly blockSize: Tokens;
  readonly capacityBlocks: Blocks;
  /** Most that one request may hold; one that needs more can never run. */
  readonly requestCapacityBlocks: Blocks;
  /** Blocks held by no request; they may still hold content that can be found. */
  readonly freeBlocks: Blocks;
  /** Blocks that lost content to a new owner, so far. */
  readonly evictedBlocks: Blocks;
  /**
   * A request that will wait under this slot.
   * @param contentIds content of its full blocks, prompt and answer: equal ids are equal content up to the block's end
   * @param tokens prompt and answer together
   * @param promptTokens of these; default: all of them
   */
  enter(slot: number, contentIds: Int32Array, tokens: Tokens, promptTokens?: Tokens): void;
  /**
   * Only where KV comes from other engines: the first `tokens` tokens of one that has entered are held by another engine, and what of
   * them is not found here is loaded from there, once.
   */
  expect?(slot: number, tokens: Tokens): void;
  /**
   * Whether a waiting request could be admitted now. Changes nothing; the answer is valid until the next call.
   * @param totalTokens what it must compute or find before its next token
   * @param chunkTokens most that it may compute in this step
   * @param reservesAll needs room for all of it, not for the first chunk only
   * @returns undefined when there is no room
   */
  fit(slot: number, totalTokens: Tokens, chunkTokens: Tokens, reservesAll: boolean): Admission | undefined;
  /**
   * Takes in the request that {@link KvCache.fit} was last asked for, as it was answered.
   * @throws InvariantError when that was another one, or did not fit
   */
  admit(slot: number): void;
  /** Room for a running request up to this many tokens; false when there is none, and nothing has changed. */
  grow(slot: number, tokens: Tokens): boolean;
  /** Its first tokens are computed by the end of this step: what they fill can be found from now on. */
  publish(slot: number, tokens: Tokens): void;
  /**
   * Only where there are lower tiers: the tokens that a request was admitted to load are there, and can be found. It is
   * asked for again with {@link KvCache.fit}.
   */
  loaded?(slot: number): void;
  /** It no longer runs, nor loads. Its first `tokens` tokens were computed. `waitsAgain`: it was preempted. */
  release(slot: number, tokens: Tokens, waitsAgain?: boolean): void;
  /** Only where there are lower tiers: all of a step is scheduled. What requests leave there is stored. */
  scheduled?(): void;
  /** Only where there are lower tiers: the engine stops, and others may go on with a store that it shares with them. */
  close?(): void;
  /** Only where there are lower tiers: whether something is on its way into them, which a step less waits for. */
  readonly isWriting?: boolean;
  /** Whether anything here holds this content, so that a request may find it. */
  holds(contentId: number): boolean;
  /** Leading tokens of a prompt that a request would find now, at least one being left to compute; for routers. */
  cachedTokens(contentIds: Int32Array, promptTokens: Tokens): Tokens;
  /**
   * Only where content can be told by its id: from now on, tells of contents that can be found from now on, or no longer. Costs
   * nothing before.
   */
  listen?(listener: (contentId: number, isHeld: boolean) => void): void;
  /**
   * Only where a running request has a seat of its own, and a free one can take in any request. The scheduler then
   * fills a free seat at once, whatever the step's budget, and goes through prefills and releases in order of seats.
   */
  seatOf?(slot: number): number;
}
