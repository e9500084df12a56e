import type { Tokens } from "../base/index.js";
import { type ChosenSessions, completionMs, sessionsOfColumns, timesOf } from "../sessions/index.js";
import type { BlockMover, BlockTable, TraceRecord } from "../trace/index.js";

/** Numbers of rows that are held, and their labels once decided. */
function columnsFor(rows: number) {
  return {
    place: new Float64Array(rows),
    arrivalMs: new Float64Array(rows),
    endMs: new Float64Array(rows),
    promptTokens: new Float64Array(rows),
    outputTokens: new Float64Array(rows),
    failed: new Uint8Array(rows),
    index: new Float64Array(rows),
    turn: new Int32Array(rows),
    session: new Int32Array(rows),
    turnFrom: new Int32Array(rows),
    turnPlus: new Int32Array(rows),
  };
}

type Columns = ReturnType<typeof columnsFor>;
const columnNames = Object.keys(columnsFor(0)) as (keyof Columns)[];
const noBlocks = new Int32Array(0);

/**
 * The rows that a window holds: what inference reads of each, and what is kept of it. In columns, since as objects they would be most
 * of what the garbage collector walks.
 */
export class HeldRows<T> {
  length = 0;
  columns: Columns = columnsFor(1024);
  /** What is kept of each row. */
  values: T[] = [];
  #chains: Int32Array[] = [];
  #answers: Int32Array[] = [];
  /** Those that name something: themselves, their session, agent or parents. */
  #named: (TraceRecord | undefined)[] = [];
  readonly #mostRows: number;

  /** @param mostRows held at a time, but for rows that come out of order */
  constructor(mostRows: number) {
    this.#mostRows = mostRows;
  }

  /** Adds a record that is not decided. */
  add(record: TraceRecord, place: number, value: T, mover: BlockMover): void {
    const i = this.length++;
    if (i === this.columns.place.length) this.#grow();
    const { columns } = this;
    const { arrivalMs, endMs, failed } = timesOf(record);
    columns.place[i] = place;
    columns.arrivalMs[i] = arrivalMs;
    columns.endMs[i] = endMs;
    columns.promptTokens[i] = record.promptTokens;
    columns.outputTokens[i] = record.outputTokens;
    columns.failed[i] = failed ? 1 : 0;
    columns.index[i] = -1;
    columns.turn[i] = 0;
    columns.session[i] = 0;
    columns.turnFrom[i] = -1;
    columns.turnPlus[i] = 0;
    const { blockIds, outputBlockIds } = record;
    const chain = blockIds && mover.moved(blockIds);
    this.#chains.push(chain ?? noBlocks);
    this.#answers.push(chain && outputBlockIds ? mover.moved(outputBlockIds) : noBlocks);
    this.#named.push(namedPart(record, chain));
    this.values.push(value);
  }

  /** The recorded session of a row. */
  sessionName(row: number): string | undefined {
    return this.#named[row]?.session;
  }

  /** Their sessions, as `sessionsOf` finds them. */
  sessions(blocks: BlockTable, blockSize: Tokens | undefined): ChosenSessions {
    const part = <C extends Float64Array | Uint8Array>(column: C) => column.subarray(0, this.length) as C;
    const { arrivalMs, endMs, promptTokens, outputTokens, failed } = this.columns;
    const known = {
      arrivalMs: part(arrivalMs),
      endMs: part(endMs),
      promptTokens: part(promptTokens),
      outputTokens: part(outputTokens),
      failed: part(failed),
      tailIds: undefined,
      chains: this.#chains,
      answers: this.#answers,
    };
    const records = this.#named.some((record) => record !== undefined) ? this.#records() : undefined;
    return sessionsOfColumns(known, { idLimit: blocks.size, blockSize: blockSize ?? 16, records });
  }

  /** Puts rows from one on in order of arrival, stably; leaves them alone where an arrival is missing. */
  sortFrom(from: number): void {
    const { arrivalMs } = this.columns;
    let sorted = true;
    for (let i = from; i < this.length; i++) {
      if (Number.isNaN(arrivalMs[i])) return;
      if (i > from && arrivalMs[i] < arrivalMs[i - 1]) sorted = false;
    }
    if (sorted) return;
    const order = Array.from({ length: this.length - from }, (_, k) => from + k);
    order.sort((a, b) => arrivalMs[a] - arrivalMs[b]);
    const ordered = <V>(list: V[]): V[] => [...list.slice(0, from), ...order.map((i) => list[i])];
    for (const name of columnNames)
      this.columns[name].set(
        order.map((i) => this.columns[name][i]),
        from,
      );
    this.#chains = ordered(this.#chains);
    this.#answers = ordered(this.#answers);
    this.#named = ordered(this.#named);
    this.values = ordered(this.values);
  }

  /** Lets go of the first rows, and moves the blocks of the others. */
  drop(rows: number, mover: BlockMover): void {
    for (const name of columnNames) this.columns[name].copyWithin(0, rows, this.length);
    this.#chains = this.#chains.slice(rows);
    this.#answers = this.#answers.slice(rows);
    this.#named = this.#named.slice(rows);
    this.values = this.values.slice(rows);
    this.length -= rows;
    for (let i = 0; i < this.length; i++) {
      mover.move(this.#chains[i]);
      mover.move(this.#answers[i]);
    }
  }

  #grow(): void {
    const rows = this.columns.place.length;
    const larger = columnsFor(rows < this.#mostRows ? Math.min(2 * rows, this.#mostRows) : 2 * rows);
    for (const name of columnNames) larger[name].set(this.columns[name]);
    this.columns = larger;
  }

  #records(): TraceRecord[] {
    const { promptTokens, outputTokens, arrivalMs } = this.columns;
    return this.#named.map(
      (record, i) =>
        record ?? {
          promptTokens: promptTokens[i],
          outputTokens: outputTokens[i],
          ...(!Number.isNaN(arrivalMs[i]) && { arrivalMs: arrivalMs[i] }),
        },
    );
  }
}

/** What recorded sessions are read from; undefined where a record names nothing. */
function namedPart(record: TraceRecord, blockIds: Int32Array | undefined): TraceRecord | undefined {
  const { session, turn, agent, requestId, parents, arrivalMs, ttftMs, finishReason } = record;
  if ((session ?? turn ?? agent ?? requestId ?? parents) === undefined) return undefined;
  const endMs = completionMs(record);
  const part = {
    promptTokens: record.promptTokens,
    outputTokens: record.outputTokens,
    arrivalMs,
    elapsedMs: endMs === undefined ? undefined : endMs - (arrivalMs as number),
    ttftMs,
    finishReason,
    session,
    turn,
    agent,
    requestId,
    parents,
    blockIds,
  };
  // Fields that are not there are undefined in all of them: objects of one shape are read faster.
  return part as TraceRecord;
}
