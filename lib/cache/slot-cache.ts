import { type Blocks, InvariantError, type Tokens } from "../base/index.js";
import type { Admission, KvCache } from "./kv-cache.js";

const NONE = -1;
const NOTHING = new Int32Array(0);

/** Part of a prompt that a seat must hold to be taken for it: llama.cpp's default `--slot-prompt-similarity`. */
const SEAT_SIMILARITY = 0.1;

/** How a {@link SlotCache} is made. */
export interface SlotCacheOptions {
  readonly blockSize: Tokens;
  /** Shared out equally among the seats. */
  readonly capacityBlocks: Blocks;
  readonly seats: number;
  /** With false a seat is chosen all the same, but nothing in it is used. */
  readonly enablePrefixCaching: boolean;
}

/**
 * The KV cache of llama.cpp's `llama-server` (`tools/server/server-context.cpp` of 0.5.0, with `--no-kv-unified` and
 * `--cache-ram 0`). What it calls a slot is a seat here; a slot is, as for every cache, the number of a request.
 *
 * - A seat that is idle still holds the tokens of its last request: prompt and answer but for the last token, which is
 *   never fed back. What another seat computed cannot be found.
 * - A request goes to the idle seat that holds the longest leading part of its prompt, if that is more than a tenth of
 *   it, else to the one idle for longest. It keeps what agrees and the seat forgets the rest. At least one token is
 *   computed.
 * - Each seat has an equal part of the KV, so a request that was admitted always has room.
 *
 * Agreement is known to the block: choose `blockSize` as fine as the trace's fingerprints.
 */
export class SlotCache implements KvCache {
  readonly blockSize: Tokens;
  readonly capacityBlocks: Blocks;
  readonly requestCapacityBlocks: Blocks;
  /** A seat forgets, but no block changes its owner. */
  readonly evictedBlocks = 0;
  readonly #keeps: boolean;
  #usedBlocks: Blocks = 0;
  /** By slot. */
  readonly #contentIds: Int32Array[] = [];
  readonly #heldBlocks: Blocks[] = [];
  readonly #seatOf: number[] = [];
  /** By seat. */
  readonly #isBusy: boolean[];
  readonly #content: Int32Array[];
  readonly #knownTokens: Tokens[];
  /** Grows with the time at which the seat became idle. */
  readonly #idleSince: number[];
  #releases = 0;
  /** What idle seats hold; made when it is asked for, and gone when a seat changes hands. */
  #idleContent: Set<number> | undefined;
  readonly #admission = { cachedTokens: 0, chunkTokens: 0 };
  #fittedSlot = NONE;
  #fittedSeat = NONE;
  /** Leading tokens that the seat chosen last may keep. */
  #agreeing: Tokens = 0;

  constructor(options: SlotCacheOptions) {
    const { seats } = options;
    this.blockSize = options.blockSize;
    this.capacityBlocks = options.capacityBlocks;
    this.requestCapacityBlocks = Math.floor(options.capacityBlocks / seats);
    this.#keeps = options.enablePrefixCaching;
    this.#isBusy = new Array(seats).fill(false);
    this.#content = new Array(seats).fill(NOTHING);
    this.#knownTokens = new Array(seats).fill(0);
    this.#idleSince = new Array(seats).fill(NONE);
  }

  get freeBlocks(): Blocks {
    return this.capacityBlocks - this.#usedBlocks;
  }

  enter(slot: number, contentIds: Int32Array): void {
    this.#contentIds[slot] = contentIds;
    this.#heldBlocks[slot] = 0;
    this.#seatOf[slot] = NONE;
  }

  fit(slot: number, totalTokens: Tokens, chunkTokens: Tokens): Admission | undefined {
    const seat = this.#chooseSeat(this.#contentIds[slot], totalTokens);
    if (seat === NONE) return undefined;
    this.#fittedSlot = slot;
    this.#fittedSeat = seat;
    this.#admission.cachedTokens = this.#agreeing;
    this.#admission.chunkTokens = Math.min(totalTokens - this.#agreeing, chunkTokens);
    return this.#admission;
  }

  admit(slot: number): void {
    if (slot !== this.#fittedSlot)
      throw new InvariantError(`SlotCache.admit: slot ${slot} was not the last to fit`);
    this.#fittedSlot = NONE;
    this.#seatOf[slot] = this.#fittedSeat;
    this.#isBusy[this.#fittedSeat] = true;
    this.#idleContent = undefined;
  }

  grow(slot: number, tokens: Tokens): boolean {
    const wanted = Math.ceil(tokens / this.blockSize);
    if (wanted > this.requestCapacityBlocks)
      throw new InvariantError(
        `SlotCache.grow: ${wanted} blocks for a seat of ${this.requestCapacityBlocks}`,
      );
    this.#usedBlocks += Math.max(0, wanted - this.#heldBlocks[slot]);
    this.#heldBlocks[slot] = Math.max(wanted, this.#heldBlocks[slot]);
    return true;
  }

  publish(): void {
    // What a seat holds can be found when it is idle: see `release`.
  }

  release(slot: number, tokens: Tokens): void {
    const seat = this.#seatOf[slot];
    this.#isBusy[seat] = false;
    this.#idleContent = undefined;
    this.#content[seat] = this.#contentIds[slot];
    this.#knownTokens[seat] = tokens;
    this.#idleSince[seat] = this.#releases++;
    this.#usedBlocks -= this.#heldBlocks[slot];
    this.#heldBlocks[slot] = 0;
    this.#seatOf[slot] = NONE;
  }

  holds(contentId: number): boolean {
    this.#idleContent ??= new Set(this.#content.flatMap((ids, seat) => (this.#isBusy[seat] ? [] : [...ids])));
    return this.#idleContent.has(contentId);
  }

  cachedTokens(contentIds: Int32Array, promptTokens: Tokens): Tokens {
    return this.#chooseSeat(contentIds, promptTokens) === NONE ? 0 : this.#agreeing;
  }

  seatOf(slot: number): number {
    return this.#seatOf[slot];
  }

  /** The idle seat for a prompt, -1 when all are busy; `#agreeing` is what the prompt may keep of it. */
  #chooseSeat(prompt: Int32Array, totalTokens: Tokens): number {
    let best = NONE;
    let bestAgreeing = totalTokens * SEAT_SIMILARITY;
    let idlest = NONE;
    for (let seat = 0; seat < this.#isBusy.length; seat++) {
      if (this.#isBusy[seat]) continue;
      const agreeing = this.#agreeingTokens(seat, prompt, totalTokens);
      if (agreeing > bestAgreeing) {
        best = seat;
        bestAgreeing = agreeing;
      }
      // Of those never used it takes the last.
      if (idlest === NONE || this.#idleSince[seat] <= this.#idleSince[idlest]) idlest = seat;
    }
    this.#agreeing = this.#keeps && best !== NONE ? Math.min(bestAgreeing, totalTokens - 1) : 0;
    return best === NONE ? idlest : best;
  }

  #agreeingTokens(seat: number, prompt: Int32Array, totalTokens: Tokens): Tokens {
    const held = this.#content[seat];
    const limit = Math.min(held.length, prompt.length);
    let blocks = 0;
    while (blocks < limit && held[blocks] === prompt[blocks]) blocks++;
    return Math.min(blocks * this.blockSize, this.#knownTokens[seat], totalTokens);
  }
}
