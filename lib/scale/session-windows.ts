import type { Tokens } from "../base/index.js";
import { PARENT_KINDS, waitsOf } from "../sessions/index.js";
import { BlockMover, BlockTable, type TraceRecord } from "../trace/index.js";
import { HeldRows } from "./held-rows.js";

/** A record of the stream with its place in a session. */
export interface LabelledRow<T> {
  /** Position in the output, from 0. */
  readonly index: number;
  /** What was kept of the record. */
  readonly value: T;
  /** `index` of the record that this one continues, -1 for the first turn of a session. */
  readonly parent: number;
  /** From 1. */
  readonly turn: number;
  /** From 0, in order of the sessions' first arrivals. */
  readonly session: number;
  /** 0 for a main agent, 1 for its sub-agents. */
  readonly agentDepth: number;
  /** How many others it waits for. */
  readonly waitsFor: number;
}

/**
 * A label that may hang on the records before the part of a trace that is read. There, `session` is -1 - k for the session
 * of the k-th carried record, and the turn is the larger of `turn` and the turn of the carried record `turnFrom` (-1: none)
 * plus `turnPlus`.
 */
export interface CarriedRow<T> extends LabelledRow<T> {
  readonly turnFrom: number;
  readonly turnPlus: number;
}

/** What is known of the last records that a part decides, one entry each: the carried records of the part behind it. */
export interface CarriedLabels {
  readonly session: Int32Array;
  readonly turn: Int32Array;
  readonly turnFrom: Int32Array;
  readonly turnPlus: Int32Array;
}

/**
 * Where windows of `size` places begin and end: window k holds the places from k x `step` on and decides its middle half,
 * the first one its first quarter too and the last one its last. A place is a row of the file, usable or not, so that
 * any part of a file knows where its windows are.
 */
export interface WindowShape {
  readonly size: number;
  readonly quarter: number;
  readonly step: number;
}

/** The shape of windows of so many places. */
export function windowShape(size: number): WindowShape {
  const quarter = size >> 2;
  return { size, quarter, step: size - 2 * quarter };
}

/** How windows over a part of a trace begin, and what becomes of their rows. */
export interface SessionWindowsOptions<T> {
  readonly shape: WindowShape;
  /** The first window of the part; those before it belong to another. Default 0. */
  readonly firstWindow?: number;
  /** Called when the first window is decided. */
  readonly blockSize: () => Tokens | undefined;
  /** Gets the rows as they are decided, in order; the object is used no more. */
  readonly onRow: (row: CarriedRow<T>) => void;
}

/**
 * Sessions of a trace of any length, in one pass and bounded memory: `sessionsOf` on overlapping windows. Each
 * window decides its middle half, with at least a quarter of a window before it, where parents are found, and a quarter
 * after it, where it is seen whether a history is abandoned and what is a trunk.
 *
 * A part of a trace gives the labels of the whole: it reads the rows of the quarter before its first window's own too, orders them
 * as the window before did, and leaves open what hangs on their labels.
 */
export class SessionWindows<T> {
  readonly #options: SessionWindowsOptions<T>;
  #window: number;
  /** The rows before the first window of a part are read, but decided elsewhere. */
  #isBefore: boolean;
  #held: HeldRows<T>;
  #blocks = new BlockTable();
  #spare = new BlockTable();
  #mover: BlockMover | undefined;
  #decided = 0;
  /** Held records in the places that this window decides, and in those that the next one has no more. */
  #upTo = 0;
  #leaving = 0;
  #index = 0;
  #sessions = 0;
  readonly #named = new Map<string, number>();
  #orderBefore = 0;

  constructor(options: SessionWindowsOptions<T>) {
    this.#options = options;
    this.#held = new HeldRows(options.shape.size);
    const first = options.firstWindow ?? 0;
    this.#isBefore = first > 0;
    this.#window = first > 0 ? first - 1 : 0;
  }

  /** The place from which on rows are wanted, and the one behind the last that the window before the first has. */
  static partPlaces({ step, quarter }: WindowShape, firstWindow: number): { from: number; own: number } {
    if (firstWindow === 0) return { from: 0, own: 0 };
    return { from: (firstWindow - 1) * step + quarter, own: firstWindow * step + 2 * quarter };
  }

  /** The window that is filled now, from 0. */
  get window(): number {
    return this.#window;
  }

  /** Recorded sessions by name, with their numbers. */
  get named(): ReadonlyMap<string, number> {
    return this.#named;
  }

  /** Which rows were held, in which order, when the first window of the part began: 0 for the first of the trace. */
  get orderBefore(): number {
    return this.#orderBefore;
  }

  /** Whether a window of this part has begun: a trace may end before. */
  get hasBegun(): boolean {
    return !this.#isBefore;
  }

  /**
   * Takes the next record in file order.
   * @param place of its row, from 0; larger than the last one's
   * @param blocks the table of the record's block ids
   */
  add(record: TraceRecord, place: number, value: T, blocks: BlockTable): void {
    this.closeBefore(place);
    this.#mover ??= new BlockMover(blocks, this.#blocks);
    this.#held.add(record, place, value, this.#mover);
    const leavingFrom = (this.#window + 1) * this.#options.shape.step;
    if (place < leavingFrom) this.#leaving++;
    if (place < leavingFrom + this.#options.shape.quarter) this.#upTo++;
    if (place === this.#end() - 1) this.#close();
  }

  /** Decides the windows that end before a place, where there is a record. */
  closeBefore(place: number): void {
    while (place >= this.#end()) this.#close();
  }

  /** Decides what is held: the trace is over. */
  finish(): void {
    if (this.#isBefore) return;
    this.#decide(this.#held.length);
    this.#held = new HeldRows(this.#options.shape.size);
    this.#decided = 0;
  }

  /** Which rows are held now, in which order: what `orderBefore` of the part behind this one must be. */
  orderNow(): number {
    return orderOf(this.#held.columns.place, this.#held.length);
  }

  /** The labels of those held rows that are decided. */
  carried(): CarriedLabels {
    const { session, turn, turnFrom, turnPlus } = this.#held.columns;
    return {
      session: session.slice(0, this.#decided),
      turn: turn.slice(0, this.#decided),
      turnFrom: turnFrom.slice(0, this.#decided),
      turnPlus: turnPlus.slice(0, this.#decided),
    };
  }

  #end(): number {
    const { step, quarter } = this.#options.shape;
    return (this.#window + 1) * step + 2 * quarter;
  }

  #close(): void {
    if (this.#isBefore) this.#carryIn();
    else this.#decide(this.#upTo);
    this.#spare.clear();
    this.#held.drop(this.#leaving, new BlockMover(this.#blocks, this.#spare));
    [this.#blocks, this.#spare] = [this.#spare, this.#blocks];
    this.#mover = undefined;
    this.#decided = this.#upTo - this.#leaving;
    this.#upTo = this.#leaving = this.#held.length;
    if (this.#isBefore) this.#orderBefore = this.orderNow();
    this.#isBefore = false;
    this.#window++;
  }

  /** The window before the first: its rows are ordered, and those that the first window finds decided hang on their labels. */
  #carryIn(): void {
    this.#held.sortFrom(0);
    const { session, turnFrom } = this.#held.columns;
    for (let i = this.#leaving; i < this.#upTo; i++) {
      session[i] = this.#leaving - 1 - i;
      turnFrom[i] = i - this.#leaving;
    }
  }

  #decide(upTo: number): void {
    const held = this.#held;
    held.sortFrom(this.#decided);
    const sessions = held.sessions(this.#blocks, this.#options.blockSize());
    const { index, turn, session, turnFrom, turnPlus } = held.columns;
    for (let i = this.#decided; i < upTo; i++) {
      const parent = sessions.parent[i];
      // Rows are decided in their order.
      const before = parent < i ? parent : -1;
      const how = PARENT_KINDS[sessions.link?.[i] ?? 0];
      index[i] = this.#index++;
      if (before < 0 || how === "spawn") turn[i] = 1;
      else {
        const plus = how === "retry" ? 0 : 1;
        turn[i] = turn[before] + plus;
        turnFrom[i] = turnFrom[before];
        turnPlus[i] = turnPlus[before] + plus;
      }
      // A recorded turn may have come after others beyond the window.
      if (sessions.isRecorded[i] === 1 && sessions.turn[i] > turn[i]) turn[i] = sessions.turn[i];
      const name = held.sessionName(i);
      if (name !== undefined) session[i] = this.#numberOf(name);
      else session[i] = before < 0 ? this.#sessions++ : session[before];
      this.#options.onRow({
        index: index[i],
        value: held.values[i],
        parent: before < 0 ? -1 : index[before],
        turn: turn[i],
        session: session[i],
        agentDepth: sessions.agentDepth?.[i] ?? 0,
        waitsFor: waitsOf(sessions, i).length,
        turnFrom: turnFrom[i],
        turnPlus: turnPlus[i],
      });
    }
  }

  #numberOf(session: string): number {
    const known = this.#named.get(session);
    if (known !== undefined) return known;
    this.#named.set(session, this.#sessions);
    return this.#sessions++;
  }
}

/** A number that rows in one order share, and others practically never. */
function orderOf(places: Float64Array, rows: number): number {
  let a = rows | 0;
  let b = 0x9e3779b9 | 0;
  for (let i = 0; i < rows; i++) {
    a = Math.imul(a ^ places[i], 0x85ebca6b);
    a ^= a >>> 13;
    b = Math.imul(b ^ a, 0xc2b2ae35) + (a >>> 9);
  }
  return (a >>> 0) * 2097152 + (b >>> 11);
}
