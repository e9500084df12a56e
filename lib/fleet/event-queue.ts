import type { Ms } from "../base/index.js";

/** What happened, in order of time: first in, first out. */
export class EventQueue {
  #times = new Float64Array(64);
  #values = new Int32Array(64);
  #head = 0;
  #length = 0;

  push(atMs: Ms, value: number): void {
    if (this.#length === this.#values.length) this.#grow();
    const at = (this.#head + this.#length++) & (this.#values.length - 1);
    this.#times[at] = atMs;
    this.#values[at] = value;
  }

  /** Takes out what happened by then. */
  drain(untilMs: Ms, take: (value: number) => void): void {
    const mask = this.#values.length - 1;
    while (this.#length > 0 && this.#times[this.#head] <= untilMs) {
      const value = this.#values[this.#head];
      this.#head = (this.#head + 1) & mask;
      this.#length--;
      take(value);
    }
  }

  clear(): void {
    this.#length = 0;
  }

  #grow(): void {
    const size = this.#values.length;
    const times = new Float64Array(2 * size);
    const values = new Int32Array(2 * size);
    for (let i = 0; i < size; i++) {
      times[i] = this.#times[(this.#head + i) & (size - 1)];
      values[i] = this.#values[(this.#head + i) & (size - 1)];
    }
    this.#times = times;
    this.#values = values;
    this.#head = 0;
  }
}
