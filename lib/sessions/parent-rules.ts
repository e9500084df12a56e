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
   * Share of the parent's output tokens by which a child's prompt must outgrow its parent's (default 0.25). A client
   * that drops reasoning from the history keeps only part of an answer; a retry grows by nothing.
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
}

/** A completion is a sum of gaps, each rounded to a microsecond when written: a thousand of them err by less than this. */
const ROUNDING_MS = 0.1;

/** The tests of a single pair of requests that parent inference is made of. */
export class ParentRules {
  readonly tailBlocks: number;
  readonly #answerShare: number;
  readonly #columns: RequestColumns;

  constructor(columns: RequestColumns, tailBlocks: number, answerShare: number) {
    this.#columns = columns;
    this.tailBlocks = tailBlocks;
    this.#answerShare = answerShare;
  }

  /** True when `parent` was over before `child` arrived, within {@link ROUNDING_MS}. */
  isOver(parent: number, child: number): boolean {
    return this.#columns.endMs[parent] <= this.#columns.arrivalMs[child] + ROUNDING_MS;
  }

  /** True when the child's prompt is longer than the parent's by enough of its answer. */
  outgrows(parent: number, child: number, share = this.#answerShare): boolean {
    const { promptTokens, outputTokens } = this.#columns;
    const grown = promptTokens[child] - promptTokens[parent];
    return grown >= Math.max(1, share * outputTokens[parent]);
  }

  /** True when `child` may be the next turn of `parent`. */
  mayFollow(parent: number, child: number): boolean {
    return this.isOver(parent, child) && this.outgrows(parent, child);
  }
}
