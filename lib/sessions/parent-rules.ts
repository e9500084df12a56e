import type { RequestColumns } from "./request-columns.js";

/** Settings of session inference; each default states what choosing otherwise does. */
export interface InferOptions {
  /**
   * Blocks at the end of a parent's prompt that its child may lack and still count as its plain continuation
   * (default 2). Engines and templates rewrite the last block or two of a prompt when the answer follows; more
   * tolerates more rewriting and takes more siblings for parents.
   */
  readonly tailBlocks?: number;
  /**
   * Share of the parent's output tokens by which a child's prompt must outgrow its parent's (default 0: by a token). A
   * client that drops reasoning from the history keeps little of an answer; more keeps apart what only begins alike.
   */
  readonly answerShare?: number;
  /**
   * Different continuations, none of them of an answer, that make a block run a trunk (default 3). 2 takes every
   * edited first prompt for a new session; more lets small workloads merge over a shared system prompt.
   */
  readonly trunkBranches?: number;
  /**
   * Different continuations of any kind that make a block run a trunk (default 16). Lower cuts conversations at fans
   * of parallel calls; more lets short requests inside a system prompt become parents of those that share it.
   */
  readonly trunkFanOut?: number;
  /** Called with the features of each record that its confidence is made of, for fitting; the array is used again. */
  readonly onFeatures?: (record: number, features: Float64Array) => void;
}

/** A completion is a sum of gaps, each rounded to a microsecond when written: a thousand of them err by less than this. */
export const ROUNDING_MS = 0.1;
/** Blocks of chat template that may stand between an answer and the point where its continuations part. */
export const TEMPLATE_BLOCKS = 2;

/** The tests of a single pair of requests that parent inference is made of. */
export class ParentRules {
  readonly tailBlocks: number;
  /** A child may arrive this share of its parent's duration before the parent's recorded end: see `overlapShare`. */
  overlapShare = 0;
  readonly #columns: RequestColumns;
  readonly #blockSize: number;
  readonly #answerShare: number;

  constructor(columns: RequestColumns, tailBlocks: number, blockSize: number, answerShare = 0) {
    this.#answerShare = answerShare;
    this.#columns = columns;
    this.tailBlocks = tailBlocks;
    this.#blockSize = blockSize;
  }

  /** True when `parent` was over before `child` arrived, within what clocks err by. */
  isOver(parent: number, child: number): boolean {
    return this.overlapMs(parent, child) <= 0;
  }

  /** How long before the end of `parent`, less what is tolerated, `child` arrived; not above zero where it was over. */
  overlapMs(parent: number, child: number): number {
    const { endMs, arrivalMs } = this.#columns;
    const toleratedMs = Math.max(ROUNDING_MS, this.overlapShare * (endMs[parent] - arrivalMs[parent]));
    return endMs[parent] - (arrivalMs[child] + toleratedMs);
  }

  /** True when `child` arrived before the recorded end of `parent`, be it by what clocks err. */
  overlapsAtAll(parent: number, child: number): boolean {
    return this.#columns.endMs[parent] > this.#columns.arrivalMs[child] + ROUNDING_MS;
  }

  /** True when the child's prompt is longer than the parent's, by `share` of its answer at least. */
  outgrows(parent: number, child: number, share: number): boolean {
    const { promptTokens, outputTokens } = this.#columns;
    return promptTokens[child] - promptTokens[parent] >= Math.max(1, share * outputTokens[parent]);
  }

  /** True when `child` may be the next turn of `parent`: it came after, and is longer by enough. */
  mayFollow(parent: number, child: number): boolean {
    return this.isOver(parent, child) && this.outgrows(parent, child, this.#answerShare);
  }

  /** True when `child` is the prompt of `earlier`, which failed, once more; both end on one block. */
  isRetry(earlier: number, child: number): boolean {
    const { failed, promptTokens, tailIds } = this.#columns;
    return (
      failed[earlier] === 1 &&
      promptTokens[earlier] === promptTokens[child] &&
      (tailIds === undefined || tailIds[earlier] === tailIds[child])
    );
  }

  /** Blocks that the answer of a request fills at most, with the template around it. */
  answerBlocks(record: number): number {
    return Math.ceil(this.#columns.outputTokens[record] / this.#blockSize) + TEMPLATE_BLOCKS;
  }
}
