import type { TraceRecord } from "../trace/index.js";
import { PARENT_KINDS, type SessionLabels, type WaitedFor, waitsOf } from "./sessions.js";
import type { Workload } from "./workload-of.js";

/**
 * The records at the given indices, in their order, with the sessions that they have in the whole. What a record waited
 * for and is left out is not waited for any more, here and in the records' own `parents`; a record that only waited for
 * such starts an agent. Everything else of a record stays as it was.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { partOfWorkload } from "prefixlab/sessions";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * [...partOfWorkload(workload, Int32Array.of(0, 1, 2)).sessions.turn]; // → [1, 2, 3]
 * ```
 */
export function partOfWorkload({ trace, sessions }: Workload, kept: Int32Array): Workload {
  const place = new Int32Array(trace.records.length).fill(-1);
  kept.forEach((record, i) => {
    place[record] = i;
  });
  const leftOut = idsLeftOut(trace.records, place);
  const records = Array.from(kept, (i) => withoutParents(trace.records[i], leftOut));
  return { trace: { ...trace, records }, sessions: partOfSessions(sessions, kept, place) };
}

function partOfSessions(sessions: SessionLabels, kept: Int32Array, place: Int32Array): SessionLabels {
  const parent = new Int32Array(kept.length).fill(-1);
  const link = new Uint8Array(kept.length);
  const waits = new Map<number, readonly WaitedFor[]>();
  kept.forEach((record, i) => {
    const left = waitsOf(sessions, record).flatMap((wait) =>
      place[wait.parent] < 0 ? [] : [{ ...wait, parent: place[wait.parent] }],
    );
    if (left.length === 0) return;
    const [first] = left;
    parent[i] = first.parent;
    link[i] = first.kind === "join" ? 0 : PARENT_KINDS.indexOf(first.kind);
    if (left.length > 1 || first.gapMs !== undefined || first.from) waits.set(i, left);
  });
  const numbers = new Map<number, number>();
  const session = Int32Array.from(kept, (record) => {
    const old = sessions.session[record];
    if (!numbers.has(old)) numbers.set(old, numbers.size);
    return numbers.get(old) as number;
  });
  return {
    parent,
    turn: Int32Array.from(kept, (record) => sessions.turn[record]),
    session,
    ...(sessions.link && { link }),
    ...(waits.size > 0 && { waits }),
    ...(sessions.agentDepth && {
      agentDepth: Uint8Array.from(kept, (record) => (sessions.agentDepth as Uint8Array)[record]),
    }),
  };
}

/** Ids that only records outside the part have. */
function idsLeftOut(records: readonly TraceRecord[], place: Int32Array): ReadonlySet<string> {
  const ids = new Set<string>();
  if (records.every(({ parents }) => parents === undefined)) return ids;
  records.forEach(({ requestId }, i) => {
    if (requestId !== undefined && place[i] < 0) ids.add(requestId);
  });
  records.forEach(({ requestId }, i) => {
    if (requestId !== undefined && place[i] >= 0) ids.delete(requestId);
  });
  return ids;
}

function withoutParents(record: TraceRecord, leftOut: ReadonlySet<string>): TraceRecord {
  if (!record.parents?.some(({ requestId }) => leftOut.has(requestId))) return record;
  return { ...record, parents: record.parents.filter(({ requestId }) => !leftOut.has(requestId)) };
}
