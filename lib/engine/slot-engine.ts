import type { Blocks, Tokens } from "../base/index.js";
import type { StepTimer } from "../latency/index.js";
import { EngineCore } from "./engine-core.js";
import type { EngineOptions } from "./engine-options.js";

const NONE = -1;
const NOTHING = new Int32Array(0);

/** Part of a prompt that a slot must hold to be taken for it: llama.cpp's default `--slot-prompt-similarity`. */
const SLOT_SIMILARITY = 0.1;

/**
 * The slots of llama.cpp's `llama-server` (`tools/server/server-context.cpp` of 0.5.0, with `--no-kv-unified` and
 * `--cache-ram 0`), where they differ from vLLM's scheduler:
 *
 * - there are `maxNumSeqs` slots, and each still holds the tokens of its last request: prompt and answer but for the
 *   last token, which is never fed back. What another slot computed cannot be found;
 * - a waiting request goes, as soon as one is idle, to the idle slot that holds the longest leading part of its prompt,
 *   if that is more than a tenth of it, else to the one idle for longest. It keeps what agrees and the slot forgets the
 *   rest. At least one token is computed;
 * - prefills get the budget in order of slots, not of admission;
 * - each slot has an equal part of the KV cache, so nothing is ever preempted.
 *
 * A seat is what llama.cpp calls a slot; a slot is, as everywhere in this room, the row of a request. Agreement is known
 * to the block: choose `blockSize` as fine as the trace's fingerprints.
 */
export class SlotEngine extends EngineCore {
  /** Seat by slot, while the request runs. */
  readonly #seatOf: number[] = [];
  readonly #isBusy: boolean[];
  readonly #content: Int32Array[];
  readonly #heldTokens: Tokens[];
  /** Grows with the time at which the seat became idle. */
  readonly #idleSince: number[];

  constructor(options: Partial<EngineOptions>, timer: StepTimer, contentCount?: number) {
    super(options, timer, contentCount);
    const seats = this.options.maxNumSeqs;
    this.#isBusy = new Array(seats).fill(false);
    this.#content = new Array(seats).fill(NOTHING);
    this.#heldTokens = new Array(seats).fill(0);
    this.#idleSince = new Array(seats).fill(NONE);
  }

  override get capacityBlocks(): Blocks {
    return Math.floor(this.pool.capacityBlocks / this.options.maxNumSeqs);
  }

  protected override composePrefills(budgetTokens: Tokens): void {
    while (this.waiting.length > 0 && this.runningCount < this.options.maxNumSeqs)
      this.#seat(this.waiting.peek());
    if (this.admitted.length > 0) this.prefilling.sort((a, b) => this.#seatOf[a] - this.#seatOf[b]);
    this.continuePrefills(budgetTokens);
  }

  protected override stopRunning(slot: number): void {
    const seat = this.#seatOf[slot];
    this.#isBusy[seat] = false;
    this.#content[seat] = this.slots.contentIds[slot];
    this.#heldTokens[seat] = this.knownTokens(slot);
    // Seats that become idle in one step do so in their order.
    this.#idleSince[seat] = this.step * this.options.maxNumSeqs + seat;
    super.stopRunning(slot);
  }

  #seat(slot: number): void {
    const prompt = this.slots.contentIds[slot];
    const total = this.prefillTotal(slot);
    let best = NONE;
    let bestAgreeing = total * SLOT_SIMILARITY;
    let idlest = NONE;
    for (let seat = 0; seat < this.options.maxNumSeqs; seat++) {
      if (this.#isBusy[seat]) continue;
      const agreeing = this.#agreeingTokens(seat, prompt, total);
      if (agreeing > bestAgreeing) {
        best = seat;
        bestAgreeing = agreeing;
      }
      // Of those never used it takes the last.
      if (idlest === NONE || this.#idleSince[seat] <= this.#idleSince[idlest]) idlest = seat;
    }
    const seat = best === NONE ? idlest : best;
    this.#isBusy[seat] = true;
    this.#seatOf[slot] = seat;
    // Without a cache the slot is chosen all the same; nothing in it is used.
    const keeps = this.options.enablePrefixCaching && best !== NONE;
    this.startRunning(slot, 0, keeps ? Math.min(bestAgreeing, total - 1) : 0);
    this.prefilling.push(slot);
  }

  #agreeingTokens(seat: number, prompt: Int32Array, total: Tokens): Tokens {
    const held = this.#content[seat];
    const limit = Math.min(held.length, prompt.length);
    let blocks = 0;
    while (blocks < limit && held[blocks] === prompt[blocks]) blocks++;
    return Math.min(blocks * this.options.blockSize, this.#heldTokens[seat], total);
  }
}
