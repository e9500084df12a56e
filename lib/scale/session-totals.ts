import { type TraceInspection, ttftObservation } from "../cohorts/index.js";
import { restoreSketch, type SketchState, type SurvivalSketch, survivalSketch } from "../survival/index.js";
import type { TraceRecord } from "../trace/index.js";
import type { CarriedLabels, CarriedRow } from "./session-windows.js";

/**
 * A request's TTFT as survival data in one number, which a window holds by the hundred thousand: negative (-0 for 0) where it
 * was cut off, NaN where nothing is known.
 */
export function waitOf(record: TraceRecord): number {
  const wait = ttftObservation(record);
  if (!wait) return Number.NaN;
  return wait.observed ? wait.timeMs : -wait.timeMs;
}

/**
 * What {@link SessionTotals} of a part holds, as plain data. Arrays `carried...` have an entry for each record that the part
 * found decided before it (see `CarriedRow`): what it adds to that one's session, and the most turns behind it.
 */
export interface SessionTotalsState {
  /** Sessions that begin in this part, and those of them with more than one request in it; without recorded ones. */
  readonly begun: number;
  readonly multiTurn: number;
  readonly longestTurns: number;
  readonly subAgentRequests: number;
  readonly joins: number;
  /** Recorded sessions: name, number in this part, and requests, counted up to 2. */
  readonly named: readonly (readonly [string, number, number])[];
  readonly carriedRequests: Uint8Array;
  readonly carriedTurns: Int32Array;
  /** TTFT of requests whose turn is that of a carried record: it, time, and 1 where observed. */
  readonly waiting: readonly (readonly [number, number, 0 | 1])[];
  readonly turn1: SketchState;
  readonly turns2plus: SketchState;
  /** The labels of the last records, and the requests of their sessions, counted up to 2. */
  readonly last: CarriedLabels & { readonly requests: Uint8Array };
}

/** Counts over the labelled rows of a part of a trace: sessions, one byte each, and TTFT ({@link waitOf}) by turn cohort. */
export class SessionTotals {
  readonly #turn1 = survivalSketch();
  readonly #turns2plus = survivalSketch();
  #requests: Uint8Array = new Uint8Array(1024);
  #carriedRequests: Uint8Array = new Uint8Array(0);
  #carriedTurns = new Int32Array(0);
  readonly #waiting: [number, number, 0 | 1][] = [];
  #longest = 0;
  #subAgentRequests = 0;
  #joins = 0;

  add({ session, turn, turnFrom, turnPlus, agentDepth, waitsFor, value }: CarriedRow<number>): void {
    if (agentDepth > 0) this.#subAgentRequests++;
    if (waitsFor > 1) this.#joins++;
    this.#longest = Math.max(this.#longest, turn);
    if (session < 0 || turnFrom >= 0) this.#carry(session, turnFrom, turnPlus);
    if (session >= 0) {
      if (session >= this.#requests.length) this.#requests = grown(this.#requests, session);
      if (this.#requests[session] < 2) this.#requests[session]++;
    }
    if (Number.isNaN(value)) return;
    const timeMs = Math.abs(value);
    const observed = value > 0 || Object.is(value, 0);
    if (turnFrom >= 0 && turnPlus === 0 && turn < 2) this.#waiting.push([turnFrom, timeMs, observed ? 1 : 0]);
    else (turn >= 2 || turnFrom >= 0 ? this.#turns2plus : this.#turn1).add(timeMs, observed);
  }

  #carry(session: number, turnFrom: number, turnPlus: number): void {
    const from = session < 0 ? -1 - session : -1;
    const last = Math.max(from, turnFrom);
    if (last >= this.#carriedRequests.length) {
      this.#carriedRequests = grown(this.#carriedRequests, last);
      const turns = new Int32Array(this.#carriedRequests.length);
      turns.set(this.#carriedTurns);
      this.#carriedTurns = turns;
    }
    if (from >= 0 && this.#carriedRequests[from] < 2) this.#carriedRequests[from]++;
    if (turnFrom >= 0) this.#carriedTurns[turnFrom] = Math.max(this.#carriedTurns[turnFrom], turnPlus);
  }

  /**
   * @param named recorded sessions of the part by name
   * @param last the labels that the part behind this one needs
   */
  state(named: ReadonlyMap<string, number>, last: CarriedLabels): SessionTotalsState {
    const isNamed = new Set(named.values());
    let begun = 0;
    let multiTurn = 0;
    for (let session = 0; session < this.#requests.length; session++) {
      if (this.#requests[session] === 0 || isNamed.has(session)) continue;
      begun++;
      if (this.#requests[session] > 1) multiTurn++;
    }
    return {
      begun,
      multiTurn,
      longestTurns: this.#longest,
      subAgentRequests: this.#subAgentRequests,
      joins: this.#joins,
      named: [...named].map(([name, session]) => [name, session, this.#requests[session]]),
      carriedRequests: this.#carriedRequests,
      carriedTurns: this.#carriedTurns,
      waiting: this.#waiting,
      turn1: this.#turn1.state(),
      turns2plus: this.#turns2plus.state(),
      last: {
        ...last,
        requests: Uint8Array.from(last.session, (session) => (session < 0 ? 0 : this.#requests[session])),
      },
    };
  }
}

/** A session that may go on in the next part: its requests, counted up to 2, and whether its name tells it. */
interface OpenSession {
  requests: number;
  readonly isNamed: boolean;
}

/** A record that the next part may go on from. */
interface OpenRecord {
  readonly session: OpenSession;
  readonly turn: number;
}

/** Puts together what the parts of a trace counted, in order. */
export class MergedSessionTotals {
  readonly turn1: SurvivalSketch = survivalSketch();
  readonly turns2plus: SurvivalSketch = survivalSketch();
  #begun = 0;
  #multiTurn = 0;
  #longest = 0;
  #subAgentRequests = 0;
  #joins = 0;
  readonly #named = new Map<string, OpenSession>();
  /** Of the last records of the part before. */
  #open: readonly OpenRecord[] = [];

  /** Adds the part behind all that was added. */
  add(state: SessionTotalsState): void {
    this.#begun += state.begun;
    this.#multiTurn += state.multiTurn;
    this.#subAgentRequests += state.subAgentRequests;
    this.#joins += state.joins;
    this.#longest = Math.max(this.#longest, state.longestTurns);
    this.turn1.merge(restoreSketch(state.turn1));
    this.turns2plus.merge(restoreSketch(state.turns2plus));
    const opened = new Map<number, OpenSession>();
    for (const [name, session, requests] of state.named) opened.set(session, this.#addNamed(name, requests));
    const before = this.#open;
    for (let k = 0; k < state.carriedRequests.length; k++) {
      if (state.carriedRequests[k] > 0) this.#addTo(before[k].session, state.carriedRequests[k]);
      if (state.carriedTurns[k] > 0)
        this.#longest = Math.max(this.#longest, before[k].turn + state.carriedTurns[k]);
    }
    for (const [k, timeMs, observed] of state.waiting)
      (before[k].turn === 1 ? this.turn1 : this.turns2plus).add(timeMs, observed === 1);
    this.#open = openAtEnd(state.last, before, opened);
  }

  counts(): TraceInspection["sessions"] {
    let multiTurn = this.#multiTurn;
    for (const { requests } of this.#named.values()) if (requests > 1) multiTurn++;
    return {
      count: this.#begun + this.#named.size,
      multiTurn,
      longestTurns: this.#longest,
      subAgentRequests: this.#subAgentRequests,
      joins: this.#joins,
    };
  }

  #addNamed(name: string, requests: number): OpenSession {
    const known = this.#named.get(name);
    if (known) {
      known.requests = Math.min(2, known.requests + requests);
      return known;
    }
    const session = { requests, isNamed: true };
    this.#named.set(name, session);
    return session;
  }

  #addTo(session: OpenSession, requests: number): void {
    const now = Math.min(2, session.requests + requests);
    if (!session.isNamed && session.requests < 2 && now === 2) this.#multiTurn++;
    session.requests = now;
  }
}

/** The last records of a part. `sessions` has the recorded ones of the part by their number in it, and gets the others. */
function openAtEnd(
  last: SessionTotalsState["last"],
  before: readonly OpenRecord[],
  sessions: Map<number, OpenSession>,
): OpenRecord[] {
  return Array.from(last.session, (number, k) => {
    const from = last.turnFrom[k];
    const turn = from < 0 ? last.turn[k] : Math.max(last.turn[k], before[from].turn + last.turnPlus[k]);
    if (number < 0) return { session: before[-1 - number].session, turn };
    const session = sessions.get(number) ?? { requests: last.requests[k], isNamed: false };
    sessions.set(number, session);
    return { session, turn };
  });
}

function grown(old: Uint8Array, index: number): Uint8Array {
  const larger = new Uint8Array(2 * Math.max(index + 1, old.length));
  larger.set(old);
  return larger;
}
