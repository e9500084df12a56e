import type { Plan } from "../../replay/index.js";
import type { BlockExpander } from "../../workload/index.js";

/**
 * The token ids of a plan's prompts. A block's tokens are its expansion, unless a real answer has put others there: a
 * later turn, whose chain goes on through the answer, then repeats what the server generated, and hits it.
 */
export class PlanPrompts {
  readonly #plan: Plan;
  readonly #expand: BlockExpander;
  readonly #generated = new Map<number, ArrayLike<number>>();
  readonly #sent = new Map<number, Int32Array>();

  constructor(plan: Plan, expand: BlockExpander) {
    this.#plan = plan;
    this.#expand = expand;
  }

  /** The prompt of request `index`, as it stands: answers that have arrived are in it. */
  prompt(index: number): Int32Array {
    const { promptTokens, contentIds } = this.#plan.requests[index];
    const { blockSize, contentCount } = this.#plan;
    const ids = new Int32Array(promptTokens);
    for (let from = 0; from < promptTokens; from += blockSize) {
      // A tail with no full block behind it is shared with nothing: it gets an id of its own.
      const contentId = contentIds[from / blockSize] ?? contentCount + index;
      const block = this.#generated.get(contentId) ?? this.#expand(contentId);
      const take = Math.min(blockSize, promptTokens - from);
      for (let i = 0; i < take; i++) ids[from + i] = block[i];
    }
    this.#sent.set(index, ids);
    return ids;
  }

  /** Notes the real answer of request `index`: the blocks it filled have its tokens from here on. */
  answered(index: number, outputTokenIds: ArrayLike<number>): void {
    const { contentIds, promptTokens } = this.#plan.requests[index];
    const { blockSize } = this.#plan;
    const prompt = this.#sent.get(index);
    this.#sent.delete(index);
    if (!prompt) return;
    const firstBlock = Math.floor(promptTokens / blockSize);
    const tokens = [...prompt.subarray(firstBlock * blockSize), ...Array.from(outputTokenIds)];
    const blocks = Math.min(contentIds.length - firstBlock, Math.floor(tokens.length / blockSize));
    for (let b = 0; b < blocks; b++)
      this.#generated.set(contentIds[firstBlock + b], tokens.slice(b * blockSize, (b + 1) * blockSize));
  }
}
