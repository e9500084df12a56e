import type { Ms } from "../../../base/index.js";

/** Hands out lanes for spans that come in order of their start: always the lowest lane that is free. */
export class LanePool {
  readonly #busy: { readonly endMs: Ms; readonly lane: number }[] = [];
  readonly #free: number[] = [];
  #lanes = 0;

  /** A lane that is free at `startMs`, taken until `endMs`; `isNew` when no earlier span had it. */
  take(startMs: Ms, endMs: Ms): { readonly lane: number; readonly isNew: boolean } {
    while (this.#busy.length > 0 && (this.#busy[0] as { endMs: Ms }).endMs <= startMs) {
      const { lane } = pop(this.#busy, (a, b) => a.endMs - b.endMs);
      push(this.#free, lane, (a, b) => a - b);
    }
    const isNew = this.#free.length === 0;
    const lane = isNew ? ++this.#lanes : pop(this.#free, (a, b) => a - b);
    push(this.#busy, { endMs, lane }, (a, b) => a.endMs - b.endMs);
    return { lane, isNew };
  }
}

type Order<T> = (a: T, b: T) => number;

function push<T>(heap: T[], item: T, order: Order<T>): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (order(heap[parent], item) <= 0) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = item;
}

function pop<T>(heap: T[], order: Order<T>): T {
  const top = heap[0];
  const last = heap.pop() as T;
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && order(heap[child + 1], heap[child]) < 0) child++;
    if (order(last, heap[child]) <= 0) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return top;
}
