import type { EngineRequest } from "../engine-request.js";

/** What an ordering may know of the requests in its engine, which it names by their slots. */
export interface OrderedRequests {
  request(slot: number): EngineRequest;
  /** Counts up with every request that reached the scheduler. */
  arrival(slot: number): number;
}

/** The requests that run. */
export interface RunningRequests extends Iterable<number> {
  /** The one admitted last. */
  readonly last: number;
}

/** Who is admitted next and who is preempted: a value that holds no state and starts that of one engine. */
export interface OrderingPolicy {
  /** The word for it on a command line and in a trace's meta. */
  readonly name: string;
  start(requests: OrderedRequests): Ordering;
}

/** An ordering at work in one engine. It keeps the waiting requests. */
export interface Ordering {
  /** A request came. */
  push(slot: number): void;
  /** A request that was preempted waits again. */
  putBack(slot: number): void;
  /** The request to admit next, which stays until it is removed; undefined: none for now. */
  next(): number | undefined;
  /** A waiting request was admitted, or given up by its client. */
  remove(slot: number): void;
  /** Which running request is preempted, when there is no block left for one of them. */
  victim(running: RunningRequests): number;
}
