import { InputError } from "../base/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";
import type { SessionLabels } from "./sessions.js";

/**
 * Ground truth of a trace whose records name their session and turn: the parent of a turn is the record of the same
 * session with the turn before. Records without a session are sessions of their own. Undefined where no record has
 * a session.
 * @throws InputError when a turn occurs twice in a session, or one after the first lacks the turn before it
 * @example
 * ```ts
 * import { readCapture, recordedSessions } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * recordedSessions(trace)?.turn.slice(0, 5); // → [1, 2, 3, 4, 1]
 * ```
 */
export function recordedSessions(trace: Trace): SessionLabels | undefined {
  const { records } = trace;
  if (!records.some((record) => record.session !== undefined)) return undefined;
  const where = "recordedSessions";
  const numbers = new Map<string, number>();
  const byTurn = new Map<string, number>();
  const turn = new Int32Array(records.length);
  const session = new Int32Array(records.length);
  let sessionCount = 0;
  records.forEach((record, i) => {
    turn[i] = record.session === undefined ? 1 : (record.turn ?? 1);
    if (record.session === undefined) {
      session[i] = sessionCount++;
      return;
    }
    if (!numbers.has(record.session)) numbers.set(record.session, sessionCount++);
    session[i] = numbers.get(record.session) as number;
    const key = turnKey(record, turn[i]);
    if (byTurn.has(key))
      throw new InputError(`${where}: session ${record.session} has turn ${turn[i]} twice (record ${i})`);
    byTurn.set(key, i);
  });
  const parent = Int32Array.from(records, (record, i) => {
    if (turn[i] === 1) return -1;
    const before = byTurn.get(turnKey(record, turn[i] - 1));
    if (before === undefined)
      throw new InputError(
        `${where}: session ${record.session} has turn ${turn[i]} but not turn ${turn[i] - 1} (record ${i})`,
      );
    return before;
  });
  return { parent, turn, session };
}

function turnKey(record: TraceRecord, turn: number): string {
  return `${turn}/${record.session}`;
}
