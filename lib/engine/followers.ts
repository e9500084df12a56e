import { InputError, type Ms } from "../base/index.js";
import type { EngineRequest, Follows } from "./engine-request.js";
import type { Send } from "./turn-queue.js";

/**
 * Who follows whom among requests, and when: a request is sent once all that it waits for has happened, at the latest of the times that
 * those ask for. Of several that are due the one with the lower index is sent first. Requests that follow one another in a circle are never sent.
 */
export class Followers {
  readonly #requests: readonly EngineRequest[];
  readonly #send: Send;
  /** Edges out of each request as linked lists; edge i is that of request i's `after`, those from `#joinedBy` on are joins. */
  readonly #firstEdge: Int32Array;
  readonly #nextEdge: Int32Array;
  /** Who joins, and what, by edge number less the count of requests. */
  readonly #joinedBy: number[] = [];
  readonly #joins: Follows[] = [];
  /** Edges that have not happened, and the latest time asked for so far; kept only where requests join. */
  readonly #pending: Int32Array | undefined;
  readonly #dueMs: Float64Array | undefined;
  readonly #hasStarts: boolean;
  /** Requests sent while others are being told of theirs. */
  readonly #told: { readonly index: number; readonly atMs: Ms }[] = [];
  #isTelling = false;

  /**
   * @throws InputError when a request follows itself or none, waits for a time below zero, joins without following one, or has
   * none or several of `fireAtMs`, `after` and `inTurn`
   */
  constructor(requests: readonly EngineRequest[], send: Send) {
    this.#requests = requests;
    this.#send = send;
    const n = requests.length;
    let hasStarts = false;
    for (let i = 0; i < n; i++) {
      requireOneTime(requests[i], i);
      const { after, joins } = requests[i];
      if (after?.from === "start") hasStarts = true;
      if (!joins) continue;
      if (!after)
        throw new InputError(`simulate: request ${i} joins others but has no after: what joins follows one`);
      for (const edge of joins) {
        requireFollows(edge, i, n);
        if (edge.from === "start") hasStarts = true;
        this.#joinedBy.push(i);
        this.#joins.push(edge);
      }
    }
    this.#hasStarts = hasStarts;
    const extra = this.#joins.length;
    this.#firstEdge = new Int32Array(n).fill(-1);
    this.#nextEdge = new Int32Array(n + extra).fill(-1);
    if (extra > 0) {
      this.#pending = Int32Array.from(requests, ({ joins = [] }) => 1 + joins.length);
      this.#dueMs = new Float64Array(n);
    }
    // Linked from the end, lists are in index order.
    for (let i = n - 1, k = extra - 1; i >= 0; i--) {
      for (; k >= 0 && this.#joinedBy[k] === i; k--) this.#link(n + k, this.#joins[k].parent);
      const { after } = requests[i];
      if (!after) continue;
      requireFollows(after, i, n);
      this.#link(i, after.parent);
    }
  }

  /** The client sends a request, which may be in the future. */
  sent(index: number, atMs: Ms): void {
    if (!this.#hasStarts) return;
    // A chain of requests that each start from the one before is walked in a loop: it may be of any length.
    this.#told.push({ index, atMs });
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#told.pop(); next; next = this.#told.pop())
      this.#happened(next.index, next.atMs, true);
    this.#isTelling = false;
  }

  /** The client has a request's last token, or goes on as if it had. */
  ended(index: number, atMs: Ms): void {
    this.#happened(index, atMs, false);
  }

  #happened(index: number, atMs: Ms, isStart: boolean): void {
    const requests = this.#requests;
    const pending = this.#pending;
    for (let edge = this.#firstEdge[index]; edge >= 0; edge = this.#nextEdge[edge]) {
      const isAfter = edge < requests.length;
      const child = isAfter ? edge : this.#joinedBy[edge - requests.length];
      const { gapMs, from } = isAfter
        ? (requests[child].after as Follows)
        : this.#joins[edge - requests.length];
      if ((from === "start") !== isStart) continue;
      if (!pending) this.#send(child, atMs + gapMs);
      else {
        const dueMs = this.#dueMs as Float64Array;
        dueMs[child] = Math.max(dueMs[child], atMs + gapMs);
        if (--pending[child] === 0) this.#send(child, dueMs[child]);
      }
    }
  }

  #link(edge: number, parent: number): void {
    this.#nextEdge[edge] = this.#firstEdge[parent];
    this.#firstEdge[parent] = edge;
  }
}

function requireOneTime({ fireAtMs, after, inTurn }: EngineRequest, i: number): void {
  const times = Number(fireAtMs !== undefined) + Number(after !== undefined) + Number(inTurn !== undefined);
  if (times !== 1)
    throw new InputError(`simulate: request ${i} must have exactly one of fireAtMs, after and inTurn`);
  if (inTurn && !(Number.isInteger(inTurn.maxInFlight) && inTurn.maxInFlight >= 1 && inTurn.gapMs >= 0))
    throw new InputError(
      `simulate: request ${i} has inTurn with maxInFlight ${inTurn.maxInFlight} and gapMs ${inTurn.gapMs}, expected a whole number >= 1 and a time >= 0`,
    );
  if (fireAtMs !== undefined && !(fireAtMs >= 0 && Number.isFinite(fireAtMs)))
    throw new InputError(`simulate: request ${i} has fireAtMs ${fireAtMs}, expected a finite number >= 0`);
}

function requireFollows({ parent, gapMs }: Follows, i: number, n: number): void {
  if (!Number.isInteger(parent) || parent < 0 || parent >= n || parent === i)
    throw new InputError(
      `simulate: request ${i} follows request ${parent}, which is not another of the ${n}`,
    );
  if (!(gapMs >= 0 && Number.isFinite(gapMs)))
    throw new InputError(`simulate: request ${i} has gapMs ${gapMs}, expected a finite number >= 0`);
}
