import { requireInteger, type Tokens } from "../base/index.js";
import { completionMs, PARENT_KINDS, sessionsOf, waitsOf } from "../sessions/index.js";
import type { TraceRows } from "../trace/files/index.js";
import { BlockTable, movedBlocks, type TraceRecord } from "../trace/index.js";

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

/** How to label a stream. */
export interface WindowOptions<T> {
  /**
   * Requests in memory at a time. Default 400,000. A turn finds its parent among the quarter of them before it at least;
   * a session that pauses for longer starts anew. More costs memory and finds longer pauses.
   */
  readonly windowRequests?: number;
  /** What to keep of a record until its label is known; memory is bounded by a window of these. */
  readonly keep: (record: TraceRecord, blocks: BlockTable) => T;
}

/** What a record's place is found by. */
type Slim = Pick<
  TraceRecord,
  | "promptTokens"
  | "outputTokens"
  | "arrivalMs"
  | "ttftMs"
  | "elapsedMs"
  | "finishReason"
  | "blockIds"
  | "outputBlockIds"
  | "session"
  | "turn"
  | "agent"
  | "requestId"
  | "parents"
>;

interface Held<T> {
  slim: Slim;
  readonly value: T;
  /** Once decided. */
  label?: LabelledRow<T>;
}

/**
 * Sessions of a trace of any length, in one pass and bounded memory: {@link sessionsOf} on overlapping windows. Each
 * window decides its middle half, with at least a quarter of a window before it, where parents are found, and a quarter
 * after it, where it is seen whether a history is abandoned and what is a trunk.
 *
 * The labels are those of `sessionsOf` on the whole trace when no session pauses for more than a quarter of a window,
 * and trunks show in every window. The stream should be in order of arrival; rows less than a quarter of a window out of
 * order are put in order. The names of recorded sessions are all kept: memory grows with them.
 */
export async function* windowedSessions<T>(
  rows: TraceRows,
  options: WindowOptions<T>,
): AsyncGenerator<LabelledRow<T>> {
  const size = requireInteger("windowedSessions", "windowRequests", options.windowRequests ?? 400_000, 8);
  const quarter = size >> 2;
  const counts: Counts = { index: 0, sessions: 0, named: new Map() };
  let blocks = new BlockTable();
  let held: Held<T>[] = [];
  let decided = 0;
  for await (const record of rows) {
    held.push({ slim: slimRecord(record, rows.blocks, blocks), value: options.keep(record, rows.blocks) });
    if (held.length < size) continue;
    const upTo = size - quarter;
    yield* decide(held, blocks, rows.meta.blockSize, decided, upTo, counts);
    const kept = held.slice(upTo - quarter);
    const fresh = new BlockTable();
    for (const item of kept) item.slim = slimRecord(item.slim, blocks, fresh);
    held = kept;
    blocks = fresh;
    decided = quarter;
  }
  yield* decide(held, blocks, rows.meta.blockSize, decided, held.length, counts);
}

/** What goes on from window to window. */
interface Counts {
  index: number;
  sessions: number;
  /** Recorded sessions by name. */
  readonly named: Map<string, number>;
}

/** Labels the records from `from` up to, not including, `upTo`. */
function* decide<T>(
  held: Held<T>[],
  blocks: BlockTable,
  blockSize: Tokens | undefined,
  from: number,
  upTo: number,
  counts: Counts,
): Generator<LabelledRow<T>> {
  sortUndecided(held, from);
  const meta = { ...(blockSize !== undefined && { blockSize }), extra: {} };
  const records = held.map(({ slim }) => slim);
  const sessions = sessionsOf({ meta, records, blocks, rejected: [], warnings: [] });
  for (let i = from; i < upTo; i++) {
    const item = held[i];
    const before = held[sessions.parent[i]]?.label;
    const how = PARENT_KINDS[sessions.link?.[i] ?? 0];
    const next = !before || how === "spawn" ? 1 : how === "retry" ? before.turn : before.turn + 1;
    const { session } = item.slim;
    item.label = {
      index: counts.index++,
      value: item.value,
      parent: before?.index ?? -1,
      // A recorded turn may have come after others beyond the window.
      turn: sessions.isRecorded[i] === 1 ? Math.max(next, sessions.turn[i]) : next,
      session: session === undefined ? (before?.session ?? counts.sessions++) : numberOf(session, counts),
      agentDepth: sessions.agentDepth?.[i] ?? 0,
      waitsFor: waitsOf(sessions, i).length,
    };
    yield item.label;
  }
}

function numberOf(session: string, counts: Counts): number {
  const known = counts.named.get(session);
  if (known !== undefined) return known;
  counts.named.set(session, counts.sessions);
  return counts.sessions++;
}

/** Puts what is not decided yet in order of arrival, stably; leaves it alone where an arrival is missing. */
function sortUndecided<T>(held: Held<T>[], from: number): void {
  const arrival = (i: number): number => held[i].slim.arrivalMs ?? Number.NaN;
  let sorted = true;
  for (let i = from; i < held.length; i++) {
    if (Number.isNaN(arrival(i))) return;
    if (i > from && arrival(i) < arrival(i - 1)) sorted = false;
  }
  if (sorted) return;
  const rest = held.slice(from).sort((a, b) => a.slim.arrivalMs! - b.slim.arrivalMs!);
  for (let i = from; i < held.length; i++) held[i] = rest[i - from];
}

/** The part of a record that inference reads, its block ids those of another table. */
function slimRecord(record: TraceRecord | Slim, from: BlockTable, to: BlockTable): Slim {
  const endMs = completionMs(record);
  return {
    promptTokens: record.promptTokens,
    outputTokens: record.outputTokens,
    ...(record.arrivalMs !== undefined && { arrivalMs: record.arrivalMs }),
    ...(endMs !== undefined && { elapsedMs: endMs - (record.arrivalMs as number) }),
    ...(record.ttftMs !== undefined && { ttftMs: record.ttftMs }),
    ...(record.finishReason !== undefined && { finishReason: record.finishReason }),
    ...(record.session !== undefined && { session: record.session }),
    ...(record.turn !== undefined && { turn: record.turn }),
    ...(record.agent !== undefined && { agent: record.agent }),
    ...(record.requestId !== undefined && { requestId: record.requestId }),
    ...(record.parents && { parents: record.parents }),
    ...movedBlocks(record, from, to),
  };
}
