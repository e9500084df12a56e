import type { Blocks, Ms } from "../base/index.js";
import { Recency } from "./recency.js";

/** What is known of each block's past: since when it can be found, when it was last used, and how long ago. */
export class BlockHistory {
  readonly #readyMs: Float64Array;
  readonly #usedMs: Float64Array;
  readonly #recency: Recency;

  constructor(contentCount: number) {
    this.#readyMs = new Float64Array(contentCount).fill(Number.NaN);
    this.#usedMs = new Float64Array(contentCount);
    this.#recency = new Recency(contentCount);
  }

  get peak(): Blocks {
    return this.#recency.peak;
  }

  /** When it was first computed; undefined where nobody has sent it. */
  readyMs(content: number): Ms | undefined {
    const ms = this.#readyMs[content];
    return Number.isNaN(ms) ? undefined : ms;
  }

  usedMs(content: number): Ms {
    return this.#usedMs[content];
  }

  distance(content: number): Blocks {
    return this.#recency.distance(content);
  }

  /**
   * A request holds its prompt's blocks, which are computed by `readyMs`; where no first token came, nobody knows which.
   * @param blocks of its prompt, the last of which need not be full
   */
  admitted(ids: Int32Array, blocks: Blocks, atMs: Ms, readyMs: Ms | undefined): void {
    for (let k = 0; k < Math.floor(blocks); k++) this.#hold(ids[k], atMs, readyMs);
    if (blocks % 1 > 0) this.#recency.holdBlank(1);
  }

  /**
   * It gives back all that it computed: the last of a chain is the first that another may take.
   * @param promptBlocks as it was admitted with
   * @param blocks of prompt and answer
   */
  ended(ids: Int32Array, promptBlocks: Blocks, blocks: Blocks, atMs: Ms): void {
    const recency = this.#recency;
    if (promptBlocks % 1 > 0) recency.holdBlank(-1);
    for (let k = Math.floor(promptBlocks); k < Math.floor(blocks); k++) this.#hold(ids[k], atMs, atMs);
    if (blocks % 1 > 0) {
      recency.holdBlank(1);
      recency.holdBlank(-1);
    }
    for (let k = Math.max(Math.floor(promptBlocks), Math.floor(blocks)) - 1; k >= 0; k--) {
      recency.release(ids[k]);
      this.#usedMs[ids[k]] = atMs;
    }
  }

  #hold(content: number, atMs: Ms, readyMs: Ms | undefined): void {
    this.#recency.hold(content);
    this.#usedMs[content] = atMs;
    if (readyMs !== undefined && !(this.#readyMs[content] <= readyMs)) this.#readyMs[content] = readyMs;
  }
}
