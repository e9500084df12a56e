import type { Blocks, Ms, RandomStream } from "../base/index.js";
import { EventQueue } from "./event-queue.js";
import { ReplicaSets } from "./replica-sets.js";
import type { CacheListener } from "./router.js";

/** How an index learns of cache events. */
export interface CacheIndexOptions {
  /** From the end of the step that stored or evicted a block until the index has it. */
  readonly delayMs: Ms;
  /** Share of events that never come. */
  readonly loss: number;
  /** Draws which ones. */
  readonly random: RandomStream;
}

/**
 * What replicas' caches hold, as far as their events tell: the index of Dynamo's KV router and of llm-d's precise prefix scorer.
 * One walk along a chain finds how far each replica has it.
 */
export class CacheIndex implements CacheListener {
  readonly #sets: ReplicaSets;
  readonly #options: CacheIndexOptions;
  /** By replica: contents stored, and complements of contents evicted. */
  readonly #events: EventQueue[];
  readonly #take: ((event: number) => void)[];

  constructor(replicas: number, options: CacheIndexOptions) {
    const sets = new ReplicaSets(replicas);
    this.#sets = sets;
    this.#options = options;
    this.#events = Array.from({ length: replicas }, () => new EventQueue());
    this.#take = this.#events.map(
      (_, replica) => (event: number) =>
        event < 0 ? sets.delete(~event, replica) : sets.add(event, replica),
    );
  }

  /** One draw decides for the events of all replicas. */
  get isOrdered(): boolean {
    return this.#options.loss > 0;
  }

  stored(replica: number, contentId: number, atMs: Ms): void {
    this.#note(replica, contentId, atMs);
  }

  evicted(replica: number, contentId: number, atMs: Ms): void {
    this.#note(replica, ~contentId, atMs);
  }

  /** Writes for each replica how many leading blocks of a chain it is known to have. */
  depths(chain: Int32Array, length: Blocks, nowMs: Ms, into: Int32Array): void {
    const untilMs = nowMs - this.#options.delayMs;
    for (let replica = 0; replica < this.#events.length; replica++)
      this.#events[replica].drain(untilMs, this.#take[replica]);
    this.#sets.depths(chain, length, into);
  }

  /** A replica has lost all that it held. */
  forget(replica: number): void {
    this.#events[replica].clear();
    this.#sets.clear(replica);
  }

  #note(replica: number, event: number, atMs: Ms): void {
    const { loss, random } = this.#options;
    if (loss > 0 && random.uniform() < loss) return;
    this.#events[replica].push(atMs, event);
  }
}
