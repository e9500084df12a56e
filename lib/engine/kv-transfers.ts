import type { Ms, Tokens } from "../base/index.js";
import { EventHeap } from "./event-heap.js";

const NONE = -1;

/** A link over which KV comes nearer to the pool. */
export interface KvLink {
  readonly tokensPerMs: number;
  /** What a transfer takes beside that. */
  readonly latencyMs: Ms;
}

/**
 * KV on its way from lower tiers to the pool: each link carries one transfer at a time, in the order in which they are asked
 * for, beside the engine's steps. What comes from a further tier comes over one link after another: vLLM's tiers promote chunks
 * into CPU memory before they are loaded (`vllm/v1/kv_offload/tiering/manager.py`), so the times add up; and what a request loads
 * from several tiers goes over the nearest link as one. Stores take no time of a link: transfers to and from a card run side by
 * side (`vllm/v1/kv_offload/cpu/gpu_worker.py` has a queue for each direction).
 */
export class KvTransfers {
  readonly #links: readonly KvLink[];
  /** When each link is free. */
  readonly #freeMs: Ms[];
  /** Ends of transfers by time, and whole loads that are there. */
  readonly #ends = new EventHeap();
  readonly #there = new EventHeap();
  /** By slot: what is loaded of each tier, and the tier whose link carries it now. */
  readonly #tokens: (readonly Tokens[])[] = [];
  readonly #at: number[] = [];
  readonly #endMs: Ms[] = [];

  /** @param links of the tiers, the one nearest to the pool first */
  constructor(links: readonly KvLink[]) {
    this.#links = links;
    this.#freeMs = links.map(() => 0);
  }

  /** Loads that nobody has taken. */
  get count(): number {
    return this.#ends.length + this.#there.length;
  }

  /** When something is next to be seen to: a load is there, or passes on to its next link. Infinity while nothing is on its way. */
  get nextMs(): Ms {
    return Math.min(this.#ends.nextKey, this.#there.nextKey);
  }

  /** When the load of a slot was there. */
  endMs(slot: number): Ms {
    return this.#endMs[slot];
  }

  /** @param tokens by tier, the nearest first */
  begin(slot: number, tokens: readonly Tokens[], nowMs: Ms): void {
    this.#advance(nowMs);
    this.#tokens[slot] = [...tokens];
    this.#at[slot] = tokens.length;
    this.#passOn(slot, nowMs);
  }

  /** What goes over another link than these, and is there at `endMs`. */
  expect(slot: number, endMs: Ms): void {
    this.#endMs[slot] = endMs;
    this.#there.push(endMs, slot);
  }

  /** A slot whose load was there by then, in the order of their ends; -1 when there is none left. */
  takeEnded(byMs: Ms): number {
    this.#advance(byMs);
    return this.#there.nextKey <= byMs ? this.#there.pop() : NONE;
  }

  #advance(toMs: Ms): void {
    while (this.#ends.nextKey <= toMs) {
      const endMs = this.#ends.nextKey;
      this.#passOn(this.#ends.pop(), endMs);
    }
  }

  /** Asks the next link that has something to carry; past the last, the load is there. */
  #passOn(slot: number, nowMs: Ms): void {
    let at = this.#at[slot] - 1;
    while (at >= 0 && this.#tokensOver(at, slot) === 0) at--;
    this.#at[slot] = at;
    if (at < 0) {
      this.#endMs[slot] = nowMs;
      this.#there.push(nowMs, slot);
      return;
    }
    const endMs = Math.max(nowMs, this.#freeMs[at]) + transferMs(this.#links[at], this.#tokensOver(at, slot));
    this.#freeMs[at] = endMs;
    this.#ends.push(endMs, slot);
  }

  /** What a link carries of a load: all that comes from its tier or from further away. */
  #tokensOver(link: number, slot: number): Tokens {
    const tokens = this.#tokens[slot];
    let sum = 0;
    for (let tier = link; tier < tokens.length; tier++) sum += tokens[tier];
    return sum;
  }
}

/**
 * What a transfer takes that need not wait for others.
 * @example
 * ```ts
 * import { transferMs } from "prefixlab/engine";
 * transferMs({ tokensPerMs: 200, latencyMs: 0.1 }, 4096); // → 20.58
 * ```
 */
export function transferMs({ latencyMs, tokensPerMs }: KvLink, tokens: Tokens): Ms {
  return latencyMs + tokens / tokensPerMs;
}
