import type { Blocks, Ms } from "../base/index.js";
import { Recency } from "./recency.js";

/** What is known of each block's past: since when it can be found, when it was last used, and how long ago. */
export class BlockHistory {
  /** Of each content, side by side in memory: when its last computation was done, NaN where nobody sent it, and when it was last used. */
  readonly #readyUsedMs: Float64Array;
  readonly #recency: Recency;
  /** Found although nobody was seen to compute them: whoever does, within this time, came first. */
  readonly #owedUntilMs = new Map<number, Ms>();

  constructor(contentCount: number, requestCount: number) {
    this.#readyUsedMs = new Float64Array(2 * contentCount).fill(Number.NaN);
    this.#recency = new Recency(contentCount, requestCount);
  }

  get peak(): Blocks {
    return this.#recency.peak;
  }

  /** Whether somebody had sent it before this moment: a request in flight counts, one that found it before it was sent does not. */
  isSent(content: number, atMs: Ms): boolean {
    if (Number.isNaN(this.#readyUsedMs[2 * content])) return false;
    if (this.#owedUntilMs.size === 0) return true;
    const owedUntilMs = this.#owedUntilMs.get(content);
    return owedUntilMs === undefined || owedUntilMs < atMs;
  }

  /** When its last computation was done. */
  readyMs(content: number): Ms {
    return this.#readyUsedMs[2 * content];
  }

  usedMs(content: number): Ms {
    return this.#readyUsedMs[2 * content + 1];
  }

  distance(content: number): Blocks {
    return this.#recency.distance(content);
  }

  /**
   * A request holds its prompt's blocks; those that it did not find are computed by `readyMs`. Where no first token came,
   * nobody knows which are.
   * @param found leading blocks that it found; undefined where it does not tell
   * @param blocks of its prompt, the last of which need not be full
   */
  admitted(
    ids: Int32Array,
    found: Blocks | undefined,
    blocks: Blocks,
    atMs: Ms,
    readyMs: Ms | undefined,
  ): void {
    const full = Math.floor(blocks);
    const times = this.#readyUsedMs;
    for (let k = 0; k < Math.min(found ?? 0, full); k++) {
      times[2 * ids[k] + 1] = atMs;
      if (!Number.isNaN(times[2 * ids[k]])) continue;
      times[2 * ids[k]] = atMs;
      if (readyMs !== undefined) this.#owedUntilMs.set(ids[k], readyMs);
    }
    for (let k = found ?? 0; k < full; k++) {
      const content = ids[k];
      times[2 * content + 1] = atMs;
      if (readyMs === undefined) continue;
      if (this.#owedUntilMs.size > 0) this.#owedUntilMs.delete(content);
      // One that nobody held had left; one that somebody holds is there as soon as either is done.
      const mayBeThere = found === undefined || this.#recency.isHeld(content);
      if (!(mayBeThere && times[2 * content] <= readyMs)) times[2 * content] = readyMs;
    }
    this.#recency.hold(ids, 0, full);
    if (blocks % 1 > 0) this.#recency.holdBlank(1);
  }

  /**
   * It gives back all that it computed: the last of a chain is the first that another may take.
   * @param promptBlocks as it was admitted with
   * @param blocks of prompt and answer
   */
  ended(ids: Int32Array, promptBlocks: Blocks, blocks: Blocks, atMs: Ms): void {
    const recency = this.#recency;
    const times = this.#readyUsedMs;
    const full = Math.floor(promptBlocks);
    const all = Math.max(full, Math.floor(blocks));
    if (promptBlocks % 1 > 0) recency.holdBlank(-1);
    for (let k = full; k < all; k++) if (!(times[2 * ids[k]] <= atMs)) times[2 * ids[k]] = atMs;
    recency.hold(ids, full, all);
    if (blocks % 1 > 0) {
      recency.holdBlank(1);
      recency.holdBlank(-1);
    }
    for (let k = 0; k < all; k++) times[2 * ids[k] + 1] = atMs;
    recency.release(ids, all);
  }
}
