import { SlotQueue } from "../slot-queue.js";
import type { Ordering, OrderingPolicy, RunningRequests } from "./ordering.js";

/**
 * First come, first served: vLLM's default (`--scheduling-policy fcfs`, `vllm/v1/core/sched/request_queue.py`). The
 * request admitted last is preempted, and waits in front of all others.
 */
export function fcfs(): OrderingPolicy {
  return { name: "fcfs", start: () => new FirstComeFirstServed() };
}

class FirstComeFirstServed implements Ordering {
  readonly #queue = new SlotQueue();

  push(slot: number): void {
    this.#queue.push(slot);
  }

  putBack(slot: number): void {
    this.#queue.pushFront(slot);
  }

  next(): number | undefined {
    return this.#queue.length === 0 ? undefined : this.#queue.peek();
  }

  remove(slot: number): void {
    this.#queue.remove(slot);
  }

  victim(running: RunningRequests): number {
    return running.last;
  }
}
