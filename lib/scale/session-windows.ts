import type { Ms, Tokens } from "../base/index.js";
import { completionMs, PARENT_KINDS, sessionsOf, waitsOf } from "../sessions/index.js";
import { BlockMover, BlockTable, type TraceRecord } from "../trace/index.js";

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

/** What a record's place is found by. */
type Slim = Pick<TraceRecord, "promptTokens" | "outputTokens"> & {
  readonly [K in SlimField]: TraceRecord[K] | undefined;
} & { blockIds: Int32Array | undefined; outputBlockIds: Int32Array | undefined };
type SlimField =
  | "arrivalMs"
  | "ttftMs"
  | "elapsedMs"
  | "finishReason"
  | "session"
  | "turn"
  | "agent"
  | "requestId"
  | "parents";

/** A record that is held, and its label once decided. */
class Held<T> implements CarriedRow<T> {
  index = -1;
  parent = -1;
  turn = 0;
  session = 0;
  agentDepth = 0;
  waitsFor = 0;
  turnFrom = -1;
  turnPlus = 0;
  isDecided = false;

  constructor(
    readonly slim: Slim,
    readonly place: number,
    readonly value: T,
  ) {}
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
  #held: Held<T>[] = [];
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
    this.#held.push(new Held(slimRecord(record, this.#mover), place, value));
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
    this.#held = [];
  }

  /** Which rows are held now, in which order: what `orderBefore` of the part behind this one must be. */
  orderNow(): number {
    return orderOf(this.#held);
  }

  /** The labels of those held rows that are decided. */
  carried(): CarriedLabels {
    const rows = this.#held.slice(0, this.#decided);
    return {
      session: Int32Array.from(rows, (row) => row.session),
      turn: Int32Array.from(rows, (row) => row.turn),
      turnFrom: Int32Array.from(rows, (row) => row.turnFrom),
      turnPlus: Int32Array.from(rows, (row) => row.turnPlus),
    };
  }

  #end(): number {
    const { step, quarter } = this.#options.shape;
    return (this.#window + 1) * step + 2 * quarter;
  }

  #close(): void {
    if (this.#isBefore) this.#carryIn();
    else this.#decide(this.#upTo);
    const kept = this.#held.slice(this.#leaving);
    this.#spare.clear();
    const mover = new BlockMover(this.#blocks, this.#spare);
    for (const { slim } of kept) {
      if (slim.blockIds) slim.blockIds = mover.moved(slim.blockIds);
      if (slim.outputBlockIds) slim.outputBlockIds = mover.moved(slim.outputBlockIds);
    }
    [this.#blocks, this.#spare] = [this.#spare, this.#blocks];
    this.#mover = undefined;
    this.#held = kept;
    this.#decided = this.#upTo - this.#leaving;
    this.#upTo = this.#leaving = kept.length;
    if (this.#isBefore) this.#orderBefore = orderOf(kept);
    this.#isBefore = false;
    this.#window++;
  }

  /** The window before the first: its rows are ordered, and those that the first window finds decided hang on their labels. */
  #carryIn(): void {
    sortUndecided(this.#held, 0);
    for (let i = this.#leaving; i < this.#upTo; i++) {
      const row = this.#held[i];
      row.session = this.#leaving - 1 - i;
      row.turnFrom = i - this.#leaving;
      row.isDecided = true;
    }
  }

  #decide(upTo: number): void {
    const held = this.#held;
    sortUndecided(held, this.#decided);
    const blockSize = this.#options.blockSize();
    const meta = { ...(blockSize !== undefined && { blockSize }), extra: {} };
    // Fields that are not there are undefined in all of them: objects of one shape are read faster.
    const records = held.map(({ slim }) => slim) as readonly TraceRecord[];
    const sessions = sessionsOf({ meta, records, blocks: this.#blocks, rejected: [], warnings: [] });
    for (let i = this.#decided; i < upTo; i++) {
      const row = held[i];
      const parent = held[sessions.parent[i]];
      const before = parent?.isDecided ? parent : undefined;
      const how = PARENT_KINDS[sessions.link?.[i] ?? 0];
      row.index = this.#index++;
      row.parent = before?.index ?? -1;
      if (!before || how === "spawn") row.turn = 1;
      else {
        const plus = how === "retry" ? 0 : 1;
        row.turn = before.turn + plus;
        row.turnFrom = before.turnFrom;
        row.turnPlus = before.turnPlus + plus;
      }
      // A recorded turn may have come after others beyond the window.
      if (sessions.isRecorded[i] === 1 && sessions.turn[i] > row.turn) row.turn = sessions.turn[i];
      const { session } = row.slim;
      row.session = session === undefined ? (before?.session ?? this.#sessions++) : this.#numberOf(session);
      row.agentDepth = sessions.agentDepth?.[i] ?? 0;
      row.waitsFor = waitsOf(sessions, i).length;
      row.isDecided = true;
      this.#options.onRow(row);
    }
  }

  #numberOf(session: string): number {
    const known = this.#named.get(session);
    if (known !== undefined) return known;
    this.#named.set(session, this.#sessions);
    return this.#sessions++;
  }
}

/** Puts what is not decided yet in order of arrival, stably; leaves it alone where an arrival is missing. */
function sortUndecided<T>(held: Held<T>[], from: number): void {
  const arrival = (i: number): Ms => held[i].slim.arrivalMs ?? Number.NaN;
  let sorted = true;
  for (let i = from; i < held.length; i++) {
    if (Number.isNaN(arrival(i))) return;
    if (i > from && arrival(i) < arrival(i - 1)) sorted = false;
  }
  if (sorted) return;
  const rest = held.slice(from).sort((a, b) => a.slim.arrivalMs! - b.slim.arrivalMs!);
  for (let i = from; i < held.length; i++) held[i] = rest[i - from];
}

/** A number that rows in one order share, and others practically never. */
function orderOf(held: readonly Held<unknown>[]): number {
  let a = held.length | 0;
  let b = 0x9e3779b9 | 0;
  for (const { place } of held) {
    a = Math.imul(a ^ place, 0x85ebca6b);
    a ^= a >>> 13;
    b = Math.imul(b ^ a, 0xc2b2ae35) + (a >>> 9);
  }
  return (a >>> 0) * 2097152 + (b >>> 11);
}

/** The part of a record that inference reads, its block ids those of another table. */
function slimRecord(record: TraceRecord, mover: BlockMover): Slim {
  const endMs = completionMs(record);
  return {
    promptTokens: record.promptTokens,
    outputTokens: record.outputTokens,
    arrivalMs: record.arrivalMs,
    elapsedMs: endMs === undefined ? undefined : endMs - (record.arrivalMs as number),
    ttftMs: record.ttftMs,
    finishReason: record.finishReason,
    session: record.session,
    turn: record.turn,
    agent: record.agent,
    requestId: record.requestId,
    parents: record.parents,
    blockIds: record.blockIds && mover.moved(record.blockIds),
    outputBlockIds: record.outputBlockIds && mover.moved(record.outputBlockIds),
  };
}
