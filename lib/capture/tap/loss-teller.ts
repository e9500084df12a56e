import type { Ms } from "../../base/index.js";
import { MissWatch, type PrefixLoss } from "../../explain/index.js";
import type { BlockTable, TraceMeta, TraceRecord } from "../../trace/index.js";

/** A loss with the wall clock of its arrival, ms since 1970. */
export interface TimedLoss extends PrefixLoss {
  readonly arrivedAtMs: Ms;
}

/** Between two looks at least, and the share of the recording thread's time that looking may take. */
const LOOK_MS: Ms = 500;
const MOST_SHARE = 0.2;

/** Looks at the records as they come, and tells which of them lost a prefix, within seconds. */
export class LossTeller {
  readonly #watch: MissWatch;
  readonly #startedAtMs: Ms;
  readonly #onLoss: (loss: TimedLoss) => void;
  readonly #onProblem: (message: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #lookTookMs: Ms = 0;
  #isCachedTold = false;
  #hasFailed = false;

  /** @param startedAtMs the wall clock when the records' clock read 0 */
  constructor(
    meta: TraceMeta,
    startedAtMs: Ms,
    onLoss: (loss: TimedLoss) => void,
    onProblem: (message: string) => void,
  ) {
    this.#watch = new MissWatch({ meta });
    this.#startedAtMs = startedAtMs;
    this.#onLoss = onLoss;
    this.#onProblem = onProblem;
  }

  add(record: TraceRecord, blocks: BlockTable): void {
    if (this.#hasFailed) return;
    this.#watch.add(record, blocks, performance.now());
    if (!this.#isCachedTold && this.#watch.tellsCached === false)
      this.#onProblem(
        "tap: an answer does not tell cached tokens (the server never does, or its client asks a stream for no usage): until one does, of lost prefixes only those are told that differ from the prompt before",
      );
    this.#isCachedTold ||= this.#watch.tellsCached !== undefined;
    this.#lookLater();
  }

  /** Decides what is left. */
  close(): void {
    clearTimeout(this.#timer);
    if (!this.#hasFailed) this.#look(true);
    const { passedBy } = this.#watch;
    if (passedBy > 0)
      this.#onProblem(
        `tap: ${passedBy} requests came too fast to be explained: they are in no count of lost prefixes`,
      );
  }

  #lookLater(): void {
    if (this.#timer !== undefined) return;
    const pauseMs = Math.max(LOOK_MS, this.#lookTookMs * (1 / MOST_SHARE - 1));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look(false);
      // What waits for others is decided when it has waited long enough.
      if (this.#watch.undecided > 0 && !this.#hasFailed) this.#lookLater();
    }, pauseMs);
    this.#timer.unref();
  }

  #look(isLast: boolean): void {
    const fromMs = performance.now();
    try {
      for (const loss of this.#watch.settle(fromMs, isLast))
        this.#onLoss({ ...loss, arrivedAtMs: this.#startedAtMs + (loss.arrivalMs ?? 0) });
    } catch (error) {
      // Recording goes on, whatever is made of the records.
      this.#hasFailed = true;
      this.#onProblem(`tap: lost prefixes are not told any more: ${(error as Error).message}`);
    }
    this.#lookTookMs = performance.now() - fromMs;
  }
}
