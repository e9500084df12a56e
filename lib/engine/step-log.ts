import { grown } from "./grown.js";

/** What is kept of every step: growable columns, 8 bytes a step, or 28 with loads. */
export class StepLog {
  #endMs: Float64Array = new Float64Array(1024);
  #running: Int32Array;
  #waiting: Int32Array;
  #prefillTokens: Int32Array;
  #finishedPrefillTokens: Int32Array;
  #heldBlocks: Int32Array;
  #length = 0;

  /** @param withLoads also keep, for each step, requests running and waiting, prefill tokens computed and finished, and blocks held */
  constructor(readonly withLoads: boolean) {
    const size = withLoads ? 1024 : 0;
    this.#running = new Int32Array(size);
    this.#waiting = new Int32Array(size);
    this.#prefillTokens = new Int32Array(size);
    this.#finishedPrefillTokens = new Int32Array(size);
    this.#heldBlocks = new Int32Array(size);
  }

  get length(): number {
    return this.#length;
  }

  push(
    endMs: number,
    running: number,
    waiting: number,
    prefillTokens: number,
    finishedPrefillTokens: number,
    heldBlocks: number,
  ): void {
    const step = this.#length++;
    if (step === this.#endMs.length) this.#grow();
    this.#endMs[step] = endMs;
    if (!this.withLoads) return;
    this.#running[step] = running;
    this.#waiting[step] = waiting;
    this.#prefillTokens[step] = prefillTokens;
    this.#finishedPrefillTokens[step] = finishedPrefillTokens;
    this.#heldBlocks[step] = heldBlocks;
  }

  /** The last step was cut short. */
  cutLast(endMs: number): void {
    if (this.#length > 0) this.#endMs[this.#length - 1] = Math.min(this.#endMs[this.#length - 1], endMs);
  }

  /** The columns, cut to length. */
  columns(): StepColumns {
    const n = this.#length;
    const endMs = this.#endMs.subarray(0, n);
    if (!this.withLoads) return { endMs };
    return {
      endMs,
      running: this.#running.subarray(0, n),
      waiting: this.#waiting.subarray(0, n),
      prefillTokens: this.#prefillTokens.subarray(0, n),
      finishedPrefillTokens: this.#finishedPrefillTokens.subarray(0, n),
      heldBlocks: this.#heldBlocks.subarray(0, n),
    };
  }

  #grow(): void {
    const size = this.#endMs.length * 2;
    const endMs = new Float64Array(size);
    endMs.set(this.#endMs);
    this.#endMs = endMs;
    if (!this.withLoads) return;
    this.#running = grown(this.#running, size);
    this.#waiting = grown(this.#waiting, size);
    this.#prefillTokens = grown(this.#prefillTokens, size);
    this.#finishedPrefillTokens = grown(this.#finishedPrefillTokens, size);
    this.#heldBlocks = grown(this.#heldBlocks, size);
  }
}

/** One entry a step. */
export interface StepColumns {
  /** Virtual time at which the step's tokens are out. */
  readonly endMs: Float64Array;
  /** Requests running in the step. */
  readonly running?: Int32Array;
  /** Requests left waiting when the step was composed. */
  readonly waiting?: Int32Array;
  readonly prefillTokens?: Int32Array;
  /** Prompt tokens of the requests whose prefill ended in the step. */
  readonly finishedPrefillTokens?: Int32Array;
  /** Blocks of the pool that requests held when the step was composed. */
  readonly heldBlocks?: Int32Array;
}
