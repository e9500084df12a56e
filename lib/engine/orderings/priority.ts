import { IndexedHeap } from "../../base/index.js";
import type { OrderedRequests, Ordering, OrderingPolicy, RunningRequests } from "./ordering.js";

/**
 * By priority: vLLM's `--scheduling-policy priority` (`PriorityRequestQueue` in `vllm/v1/core/sched/request_queue.py`). The
 * waiting request with the smallest priority is admitted first, of equals the one that came first; the running request
 * with the greatest is preempted, of equals the one that came last. A request without a priority has 0.
 */
export function priority(): OrderingPolicy {
  return { name: "priority", start: (requests) => new ByPriority(requests) };
}

class ByPriority implements Ordering {
  readonly #requests: OrderedRequests;
  readonly #waiting = new IndexedHeap();

  constructor(requests: OrderedRequests) {
    this.#requests = requests;
  }

  push(slot: number): void {
    this.#waiting.add(slot, this.#priority(slot), this.#requests.arrival(slot));
  }

  putBack(slot: number): void {
    this.push(slot);
  }

  next(): number | undefined {
    return this.#waiting.length === 0 ? undefined : this.#waiting.first;
  }

  remove(slot: number): void {
    this.#waiting.remove(slot);
  }

  victim(running: RunningRequests): number {
    let victim = running.last;
    for (const slot of running) {
      const difference = this.#priority(slot) - this.#priority(victim);
      if (
        difference > 0 ||
        (difference === 0 && this.#requests.arrival(slot) > this.#requests.arrival(victim))
      )
        victim = slot;
    }
    return victim;
  }

  #priority(slot: number): number {
    return this.#requests.request(slot).priority ?? 0;
  }
}
