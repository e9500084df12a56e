import type { Workload } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";

/** A capture and its replays, record for record. */
export interface CaptureWithReplays extends Workload {
  /** Modeled traces, one a model seed. */
  readonly modeled: readonly Trace[];
}

/** All requests of several captures as one; sessions of different captures stay different sessions. */
export function poolCaptures(captures: readonly CaptureWithReplays[]): CaptureWithReplays {
  if (captures.length === 1) return captures[0];
  const joined = (traces: readonly Trace[]): Trace => ({
    ...traces[0],
    records: traces.flatMap((trace) => [...trace.records]),
  });
  let records = 0;
  let sessionCount = 0;
  const parent: number[] = [];
  const turn: number[] = [];
  const session: number[] = [];
  for (const { sessions, trace } of captures) {
    for (const p of sessions.parent) parent.push(p < 0 ? p : p + records);
    for (const t of sessions.turn) turn.push(t);
    for (const s of sessions.session) session.push(s + sessionCount);
    records += trace.records.length;
    sessionCount = session.reduce((most, s) => Math.max(most, s), -1) + 1;
  }
  return {
    trace: joined(captures.map(({ trace }) => trace)),
    sessions: {
      parent: Int32Array.from(parent),
      turn: Int32Array.from(turn),
      session: Int32Array.from(session),
    },
    modeled: captures[0].modeled.map((_, seed) => joined(captures.map((capture) => capture.modeled[seed]))),
  };
}
