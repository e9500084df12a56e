import { isAnswered, type ParentKind, type Trace, type TraceRecord } from "../trace/index.js";
import { completionMs } from "./request-columns.js";
import { PARENT_KINDS, type SessionLabels, type WaitedFor } from "./sessions.js";

/** What in the recorded sessions did not add up and was mended; counts of records. */
export interface MendedRecords {
  /** A turn of which the turn before is not in the trace, though an earlier one is: that one is its parent. */
  readonly missingTurns: number;
  /** A turn that occurs again in its session: a retry, or a fork. */
  readonly repeatedTurns: number;
  /** A parent that is not in the trace, or comes after: left out. */
  readonly unknownParents: number;
  /** An id that an earlier record has: parents mean the first. */
  readonly repeatedIds: number;
}

/** Sessions as a trace records them. */
export interface RecordedSessions extends SessionLabels {
  /** 1 for a record whose place the trace tells: by its parents, or by session and turn. */
  readonly isTold: Uint8Array;
  readonly mended: MendedRecords;
}

/** A share of a request's duration by which the next one of a session may come before its recorded end. */
const OVERLAP_SHARE = 0.1;

/**
 * Sessions of a trace whose records name their parents, or their session and turn. Parents go first; else the parent of a turn is the record of
 * the same session and agent with the turn before. Where a session is named without turns, a record follows the latest
 * one of it that was over. Records without any are sessions of their own. Undefined where no record names a session or parents.
 *
 * What does not add up is mended alone, and counted. A turn whose predecessor is missing follows the latest turn there is; the first that is there may be any (a
 * window of a longer capture). Of a turn that occurs several times the answered record is the turn: one that failed before it is what it
 * retries, others are forks. A parent outside the trace is left out.
 * @example
 * ```ts
 * import { readCapture, recordedSessions } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * recordedSessions(trace)?.turn.slice(0, 5); // → [1, 2, 3, 4, 1]
 * ```
 */
export function recordedSessions(trace: Pick<Trace, "records">): RecordedSessions | undefined {
  const records = namedRecords(trace.records);
  if (records.every(({ session, parents }) => session === undefined && parents === undefined))
    return undefined;
  return new RecordReader(records).read();
}

/**
 * Records without the sessions that only a server named: a response's own id is the name of a session once a later
 * record goes on from it, and says nothing of a client that sends its whole conversation every time.
 */
export function namedRecords(records: readonly TraceRecord[]): readonly TraceRecord[] {
  const isOwn = ({ sessionSource }: TraceRecord) => sessionSource === "response_id";
  if (!records.some(isOwn)) return records;
  const continued = new Set(
    records.flatMap(({ parents }) => parents?.map(({ requestId }) => requestId) ?? []),
  );
  return records.map((record) => {
    if (!isOwn(record) || (record.requestId !== undefined && continued.has(record.requestId))) return record;
    const { session: _, turn: __, ...rest } = record;
    return rest;
  });
}

/** What to tell of records that were mended; empty where all added up. */
export function mendedWarnings(mended: MendedRecords): string[] {
  const { missingTurns, repeatedTurns, unknownParents, repeatedIds } = mended;
  const parts = [
    [missingTurns, "lack the turn before"],
    [repeatedTurns, "repeat a turn"],
    [unknownParents, "name a parent that is not in the trace before them"],
    [repeatedIds, "have the id of another"],
  ].flatMap(([n, what]) => (n === 0 ? [] : [`${n} ${what}`]));
  return parts.length === 0
    ? []
    : [`recorded sessions do not add up on some requests, which were mended alone: ${parts.join(", ")}`];
}

const [TURN, SPAWN, , RETRY] = PARENT_KINDS.keys();

class RecordReader {
  readonly #records: readonly TraceRecord[];
  readonly #parent: Int32Array;
  readonly #link: Uint8Array;
  readonly #turn: Int32Array;
  readonly #isTold: Uint8Array;
  readonly #waits = new Map<number, readonly WaitedFor[]>();
  readonly #mended = { missingTurns: 0, repeatedTurns: 0, unknownParents: 0, repeatedIds: 0 };

  constructor(records: readonly TraceRecord[]) {
    this.#records = records;
    this.#parent = new Int32Array(records.length).fill(-1);
    this.#link = new Uint8Array(records.length);
    this.#turn = new Int32Array(records.length);
    this.#isTold = new Uint8Array(records.length);
  }

  read(): RecordedSessions {
    this.#byParents();
    for (const group of this.#groups()) {
      if (group.some((i) => this.#records[i].turn !== undefined)) this.#byTurns(group);
      else this.#bySession(group);
    }
    const order = this.#parentsFirst();
    this.#countTurns(order);
    const agentDepth = this.#agentDepths(order);
    return {
      parent: this.#parent,
      turn: this.#turn,
      session: this.#sessions(order),
      ...(this.#link.some((how) => how !== TURN) && { link: this.#link }),
      ...(this.#waits.size > 0 && { waits: this.#waits }),
      ...(agentDepth.some((depth) => depth > 0) && { agentDepth }),
      isTold: this.#isTold,
      mended: this.#mended,
    };
  }

  #byParents(): void {
    const records = this.#records;
    if (records.every(({ parents }) => parents === undefined)) return;
    const byId = new Map<string, number>();
    records.forEach(({ requestId }, i) => {
      if (requestId === undefined) return;
      if (byId.has(requestId)) this.#mended.repeatedIds++;
      else byId.set(requestId, i);
    });
    records.forEach(({ parents }, i) => {
      if (!parents) return;
      this.#isTold[i] = 1;
      const waits = parents.flatMap(({ requestId, kind, gapMs, from }): WaitedFor[] => {
        const at = byId.get(requestId);
        if (at === undefined || !this.#comesBefore(at, i)) return [];
        return [{ parent: at, kind, ...(gapMs !== undefined && { gapMs }), ...(from && { from }) }];
      });
      if (waits.length < parents.length) this.#mended.unknownParents++;
      if (waits.length === 0) return;
      waits.sort((a, b) => byParentKind.indexOf(a.kind) - byParentKind.indexOf(b.kind));
      this.#parent[i] = waits[0].parent;
      // What only joins others goes on from none of them: the first stands for the turn before.
      this.#link[i] = waits[0].kind === "join" ? TURN : PARENT_KINDS.indexOf(waits[0].kind);
      const [{ gapMs, from }] = waits;
      if (waits.length > 1 || gapMs !== undefined || from) this.#waits.set(i, waits);
    });
  }

  #comesBefore(a: number, b: number): boolean {
    const at = this.#records[a].arrivalMs ?? Number.POSITIVE_INFINITY;
    const bt = this.#records[b].arrivalMs ?? Number.POSITIVE_INFINITY;
    return at === bt ? a < b : at < bt;
  }

  /** Records of each agent of each session, in order of arrival; those that tell their parents left out. */
  #groups(): Iterable<number[]> {
    const groups = new Map<string, number[]>();
    this.#records.forEach(({ session, agent }, i) => {
      if (session === undefined) return;
      const key = JSON.stringify([session, agent]);
      const group = groups.get(key);
      if (group) group.push(i);
      else groups.set(key, [i]);
    });
    for (const group of groups.values()) group.sort((a, b) => (this.#comesBefore(a, b) ? -1 : 1));
    return groups.values();
  }

  #byTurns(group: readonly number[]): void {
    const byTurn = new Map<number, number[]>();
    for (const i of group) {
      const turn = this.#records[i].turn ?? 1;
      this.#turn[i] = turn;
      const same = byTurn.get(turn);
      if (same) same.push(i);
      else byTurn.set(turn, [i]);
    }
    let before: readonly number[] = [];
    let last = 0;
    for (const [turn, same] of [...byTurn].sort(([a], [b]) => a - b)) {
      // A turn is told by where it stands; one that names its parents as well, by those.
      const untold = same.filter((i) => this.#isTold[i] === 0);
      if (before.length > 0 && turn > last + 1) this.#mended.missingTurns += untold.length;
      this.#mended.repeatedTurns += same.length - 1;
      const answered = same.filter((i) => this.#isWhole(i));
      for (const i of untold) {
        this.#isTold[i] = 1;
        const failed = answered[0] === i ? same.filter((f) => f < i && !this.#isWhole(f)) : [];
        const retried = failed.at(-1);
        if (retried !== undefined) this.#follow(i, retried, RETRY);
        else if (before.length > 0) {
          const parent = this.#goneOnFrom(before, i);
          // One that names its parents may name this one: what comes later by both clocks is not followed.
          if (!this.#records[parent].parents || this.#comesBefore(parent, i)) this.#follow(i, parent, TURN);
        }
      }
      // A failed attempt after another one retries it too.
      const failures = untold.filter((i) => !this.#isWhole(i));
      for (const [k, i] of failures.entries())
        if (k > 0 && (answered.length === 0 || i < answered[0])) this.#follow(i, failures[k - 1], RETRY);
      before = same;
      last = turn;
    }
  }

  /** Of records of the turn before, the one that a record goes on from: answered, whose prompt it holds, over, the latest. */
  #goneOnFrom(before: readonly number[], child: number): number {
    if (before.length === 1) return before[0];
    const rank = (i: number) =>
      (this.#isWhole(i) ? 4 : 0) + (this.#holdsPrompt(i, child) ? 2 : 0) + (this.#isOver(i, child) ? 1 : 0);
    return before.reduce((best, i) => (rank(i) >= rank(best) ? i : best));
  }

  #bySession(group: readonly number[]): void {
    for (const [k, i] of group.entries()) {
      if (this.#isTold[i] === 1) continue;
      const over = group.slice(Math.max(0, k - 64), k).filter((before) => this.#isOver(before, i));
      if (over.length > 0) this.#follow(i, this.#goneOnFrom(over, i), TURN);
    }
  }

  #isWhole(i: number): boolean {
    return isAnswered(this.#records[i]);
  }

  #holdsPrompt(parent: number, child: number): boolean {
    const own = this.#records[parent].blockIds;
    const ids = this.#records[child].blockIds;
    if (!own || !ids || own.length === 0 || own.length > ids.length) return false;
    return ids[own.length - 1] === own[own.length - 1];
  }

  #isOver(before: number, child: number): boolean {
    const record = this.#records[before];
    const { arrivalMs } = this.#records[child];
    const endMs = completionMs(record);
    if (arrivalMs === undefined || endMs === undefined) return true;
    return endMs - OVERLAP_SHARE * (endMs - (record.arrivalMs as number)) <= arrivalMs;
  }

  #follow(i: number, parent: number, how: number): void {
    this.#parent[i] = parent;
    this.#link[i] = how;
  }

  /** Records so that parents come before children. A turn that came before the one before it is not followed back. */
  #parentsFirst(): Int32Array {
    const count = this.#records.length;
    const order = new Int32Array(count);
    const placed = new Uint8Array(count);
    let at = 0;
    const path: number[] = [];
    for (let i = 0; i < count; i++) {
      for (let r = i; r >= 0 && placed[r] === 0; r = this.#parent[r]) {
        placed[r] = 1;
        path.push(r);
      }
      while (path.length > 0) order[at++] = path.pop() as number;
    }
    return order;
  }

  #countTurns(order: Int32Array): void {
    for (const i of order) {
      if (this.#turn[i] > 0) continue;
      const p = this.#parent[i];
      const told = this.#records[i].session === undefined ? undefined : this.#records[i].turn;
      const how = this.#link[i];
      this.#turn[i] =
        told ?? (p < 0 || how === SPAWN ? 1 : how === RETRY ? this.#turn[p] : this.#turn[p] + 1);
    }
  }

  #agentDepths(order: Int32Array): Uint8Array {
    const depth = new Uint8Array(this.#records.length);
    for (const i of order) {
      const p = this.#parent[i];
      if (p >= 0) depth[i] = Math.min(255, depth[p] + (this.#link[i] === SPAWN ? 1 : 0));
      else if (this.#records[i].agent !== undefined && this.#records[i].session !== undefined) depth[i] = 1;
    }
    return depth;
  }

  /** A record is of the session it names, else of its parent's, else of its own. */
  #sessions(order: Int32Array): Int32Array {
    const provisional = new Int32Array(this.#records.length);
    const named = new Map<string, number>();
    let next = 0;
    for (const i of order) {
      const { session } = this.#records[i];
      if (session === undefined) provisional[i] = this.#parent[i] < 0 ? next++ : provisional[this.#parent[i]];
      else {
        if (!named.has(session)) named.set(session, next++);
        provisional[i] = named.get(session) as number;
      }
    }
    return inOrderOfFirst(provisional, next);
  }
}

/** What stands for the parent, where there are several: the turn before, else what is tried again, else what started it. */
const byParentKind: readonly ParentKind[] = ["turn", "retry", "spawn", "join"];

/** Session numbers counted anew in the order of the records. */
export function inOrderOfFirst(session: Int32Array, count: number): Int32Array {
  const numbers = new Int32Array(count).fill(-1);
  let next = 0;
  return session.map((s) => {
    if (numbers[s] < 0) numbers[s] = next++;
    return numbers[s];
  });
}
