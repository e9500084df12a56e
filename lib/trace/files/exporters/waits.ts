import type { Ms } from "../../../base/index.js";
import { type ParentKind, type Trace, type TraceRecord, totalMs } from "../../trace.js";

/** What a request of a trace waits for, by index. */
export interface Wait {
  readonly parent: number;
  readonly kind: ParentKind;
  /** From the parent's end, or from its start. */
  readonly delayMs: Ms;
  readonly from: "start" | "end";
}

/**
 * What each request waits for, as far as the trace tells it: its `parents`, or else the turn before of its session and agent. A delay that is not
 * recorded is what lies between the parent's end and the arrival; 0 where no end is known. Parents outside the trace are left out.
 */
export function waitsOf({ records }: Trace): Wait[][] {
  const byId = new Map<string, number>();
  const byTurn = new Map<string, number>();
  records.forEach((record, at) => {
    if (record.requestId !== undefined && !byId.has(record.requestId)) byId.set(record.requestId, at);
    const { turn } = record;
    if (turn !== undefined && !byTurn.has(turnKey(record, turn))) byTurn.set(turnKey(record, turn), at);
  });
  return records.map((record, at): Wait[] => {
    if (!record.parents) {
      const before =
        record.session === undefined || record.turn === undefined
          ? undefined
          : byTurn.get(turnKey(record, record.turn - 1));
      if (before === undefined || before === at) return [];
      return [{ parent: before, kind: "turn", delayMs: gapMs(records[before], record), from: "end" }];
    }
    return record.parents.flatMap(({ requestId, kind, gapMs: told, from }): Wait[] => {
      const parent = byId.get(requestId);
      if (parent === undefined || parent === at) return [];
      return [{ parent, kind, delayMs: told ?? gapMs(records[parent], record), from: from ?? "end" }];
    });
  });
}

/** A name for what a request is a turn of: its session, told apart by agent; undefined where none is recorded. */
export function conversationOf({ session, agent }: TraceRecord): string | undefined {
  if (session === undefined || agent === undefined || session === agent) return session;
  return session.endsWith(`/${agent}`) ? session : `${session}/${agent}`;
}

/** How long a request took, as far as is known. */
export function lastedMs(record: TraceRecord): Ms | undefined {
  return record.elapsedMs ?? totalMs(record);
}

function gapMs(parent: TraceRecord | undefined, child: TraceRecord): Ms {
  const lasted = parent && lastedMs(parent);
  if (lasted === undefined || parent?.arrivalMs === undefined || child.arrivalMs === undefined) return 0;
  return Math.max(0, child.arrivalMs - parent.arrivalMs - lasted);
}

function turnKey(record: TraceRecord, turn: number): string {
  return `${turn}/${conversationOf(record)}`;
}
