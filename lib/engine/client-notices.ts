import type { Ms } from "../base/index.js";
import type { EngineRequest } from "./engine-request.js";
import { EventHeap } from "./event-heap.js";

/** Chooses the engine for each request, and is told what the client comes to know of it. */
export interface RequestRouting {
  /** Whether it goes by nothing that engines do: requests may then be routed before engines run, and it is told nothing. */
  readonly isBlind?: boolean;
  /** Whether what different engines' caches tell must come in order of time. */
  readonly isOrdered?: boolean;
  /** The engine that a request is sent to: its index. */
  route(request: EngineRequest, nowMs: Ms): number;
  /** The client has the first token. Told in order of time, before the next request is routed. */
  firstToken?(request: EngineRequest, replica: number, atMs: Ms): void;
  /** Nothing more comes: complete, refused or given up. */
  ended?(request: EngineRequest, replica: number, atMs: Ms): void;
  /** A replica begins or ceases to take requests. */
  setOpen?(replica: number, isOpen: boolean, atMs: Ms): void;
  /**
   * Where prefills are apart: the prefill engine that computes the prompt of a request, from 0, once its engine is chosen; undefined
   * where that one computes it itself.
   */
  prefill?(request: EngineRequest, replica: number, nowMs: Ms): number | undefined;
  /** A prefill engine has no more to compute of a request. */
  prefillEnded?(request: EngineRequest, prefill: number, atMs: Ms): void;
  /** A prefill engine begins or ceases to take requests. */
  setPrefillOpen?(prefill: number, isOpen: boolean, atMs: Ms): void;
}

/**
 * What clients come to know of their requests. Engines run ahead of one another, and a token is on its way for a while: what
 * is noted here is told in order of time, and no earlier than it is known.
 */
export class ClientNotices {
  readonly #due = new EventHeap();

  /** @param replicaOf where each request was sent */
  constructor(
    readonly requests: readonly EngineRequest[],
    readonly replicaOf: Int32Array,
    readonly routing: RequestRouting,
  ) {}

  firstToken(index: number, atMs: Ms): void {
    this.#due.push(atMs, index);
  }

  ended(index: number, atMs: Ms): void {
    this.#due.push(atMs, this.requests.length + index);
  }

  /** First tokens of these requests that are on their way never come. */
  dropFirstTokens(indices: ReadonlySet<number>): void {
    const due = this.#due;
    const kept: [number, number][] = [];
    while (due.length > 0) {
      const atMs = due.nextKey;
      const event = due.pop();
      if (!indices.has(event)) kept.push([atMs, event]);
    }
    for (const [atMs, event] of kept) due.push(atMs, event);
  }

  tellUntil(nowMs: Ms): void {
    const { requests, replicaOf, routing } = this;
    const due = this.#due;
    while (due.nextKey <= nowMs) {
      const atMs = due.nextKey;
      const event = due.pop();
      const index = event < requests.length ? event : event - requests.length;
      if (event < requests.length) routing.firstToken?.(requests[index], replicaOf[index], atMs);
      else routing.ended?.(requests[index], replicaOf[index], atMs);
    }
  }
}
