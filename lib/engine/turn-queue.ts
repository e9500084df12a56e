import type { Ms } from "../base/index.js";
import type { EngineRequest } from "./engine-request.js";

/** Sends a request at a time that is not before the present one. */
export type Send = (index: number, atMs: Ms) => void;

/** The requests of a closed loop, which wait their turn: who is next, and how many are on their way. */
export class TurnQueue {
  readonly #requests: readonly EngineRequest[];
  readonly #send: Send;
  #next = 0;
  #inFlight = 0;
  #lastSentMs: Ms = 0;

  /** @param requests all of a run's requests; those without `inTurn` are none of its business */
  constructor(requests: readonly EngineRequest[], send: Send) {
    this.#requests = requests;
    this.#send = send;
  }

  /** Sends those for which there is room from the start. */
  start(): void {
    this.#fill(0);
  }

  /** One of the requests in turn has ended, refused ones included: its place is free. */
  ended(atMs: Ms): void {
    this.#inFlight--;
    this.#fill(atMs);
  }

  #fill(nowMs: Ms): void {
    for (; this.#next < this.#requests.length; this.#next++) {
      const turn = this.#requests[this.#next].inTurn;
      if (!turn) continue;
      if (this.#inFlight >= turn.maxInFlight) return;
      this.#lastSentMs = Math.max(nowMs, this.#lastSentMs) + turn.gapMs;
      this.#inFlight++;
      this.#send(this.#next, this.#lastSentMs);
    }
  }
}
