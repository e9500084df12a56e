import { describe, expect, it } from "vitest";
import { recordedSessions, waitsOf } from "../../lib/sessions/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { multiturnTrace } from "./multiturn-trace.js";
import { traceOf } from "./trace-of.js";

/** Requests of one second each, one every two seconds; of those without output nothing came. */
function traceWith(...rows: readonly Partial<TraceRecord>[]): Trace {
  const records = rows.map((row, i): TraceRecord => {
    const failed = row.finishReason === "error";
    return {
      promptTokens: 100,
      outputTokens: failed ? 0 : 10,
      arrivalMs: 2000 * i,
      elapsedMs: 1000,
      ...(failed ? {} : { ttftMs: 100 }),
      ...row,
    };
  });
  return { ...traceOf(), records };
}

const turn = (session: string, number: number, more: Partial<TraceRecord> = {}) => ({
  session,
  turn: number,
  ...more,
});
const failed = { finishReason: "error" };

describe("recordedSessions", () => {
  it("ties each turn to the one before it in its session", () => {
    const trace = multiturnTrace({
      seed: 1,
      sessions: 3,
      turns: 4,
      prefixCount: 1,
      prefixTokens: 32,
      promptTokens: 20,
      outputTokens: 20,
      ratePerSecond: 1,
      thinkMs: 100,
      ttftMs: 100,
    });
    const truth = recordedSessions(trace);
    trace.records.forEach((record, i) => {
      const parent = trace.records[truth?.parent[i] as number];
      expect(parent?.turn).toBe(record.turn === 1 ? undefined : (record.turn as number) - 1);
      if (parent) expect(parent.session).toBe(record.session);
    });
    expect(truth?.isTold.every((told) => told === 1)).toBe(true);
    expect(truth?.mended).toEqual({ missingTurns: 0, repeatedTurns: 0, unknownParents: 0, repeatedIds: 0 });
  });

  it("is undefined where no record names a session or parents", () => {
    expect(recordedSessions(traceOf({ at: 0, prompt: "a" }))).toBeUndefined();
  });

  it("takes a response's own id for a session's name once a record goes on from it, not before", () => {
    const own = (session: string, requestId: string): Partial<TraceRecord> => ({
      ...turn(session, 1, { requestId, sessionSource: "response_id" }),
    });
    const whole = [own("a", "r1"), own("b", "r2"), own("c", "r3")];
    expect(recordedSessions(traceWith(...whole))).toBeUndefined();
    const follower = turn("b", 2, { parents: [{ requestId: "r2", kind: "turn" }] });
    const found = recordedSessions(traceWith(...whole, follower));
    expect(found?.parent).toEqual(Int32Array.of(-1, -1, -1, 1));
    expect(found?.isTold).toEqual(Uint8Array.of(0, 1, 0, 1));
    expect(found?.session).toEqual(Int32Array.of(0, 1, 2, 1));
  });

  it("takes a request without a session for one of its own", () => {
    const found = recordedSessions(traceWith({}, turn("b", 1), { turn: 7 }, turn("c", 1), turn("b", 2)));
    expect(found?.parent).toEqual(Int32Array.of(-1, -1, -1, -1, 1));
    expect(found?.turn).toEqual(Int32Array.of(1, 1, 1, 1, 2));
    expect(found?.session).toEqual(Int32Array.of(0, 1, 2, 3, 1));
    expect(found?.isTold).toEqual(Uint8Array.of(0, 1, 0, 1, 1));
  });

  it("follows the latest request of a session that was over, where sessions have no turns", () => {
    const named = (arrivalMs: number) => ({ session: "h", arrivalMs });
    const found = recordedSessions(traceWith(named(0), named(500), named(1200), named(3000)));
    expect(found?.parent).toEqual(Int32Array.of(-1, -1, 0, 2));
    expect(found?.turn).toEqual(Int32Array.of(1, 1, 2, 3));
    expect(found?.session).toEqual(Int32Array.of(0, 0, 0, 0));
    expect(found?.isTold).toEqual(Uint8Array.of(0, 0, 0, 0));
  });

  it("mends a missing turn alone: the one after it follows the latest there is", () => {
    const found = recordedSessions(traceWith(turn("a", 1), turn("b", 1), turn("a", 3), turn("b", 2)));
    expect(found?.parent).toEqual(Int32Array.of(-1, -1, 0, 1));
    expect(found?.turn).toEqual(Int32Array.of(1, 1, 3, 2));
    expect(found?.mended).toMatchObject({ missingTurns: 1, repeatedTurns: 0 });
  });

  it("takes a window of a longer capture, whose sessions begin with any turn", () => {
    const found = recordedSessions(traceWith(turn("a", 4), turn("a", 5)));
    expect(found?.parent).toEqual(Int32Array.of(-1, 0));
    expect(found?.turn).toEqual(Int32Array.of(4, 5));
    expect(found?.mended.missingTurns).toBe(0);
  });

  it("takes the answered one of a turn that occurs twice, as what retries the one that failed before it", () => {
    const found = recordedSessions(
      traceWith(turn("a", 1), turn("a", 2, failed), turn("a", 2, failed), turn("a", 2), turn("a", 3)),
    );
    expect(found?.parent).toEqual(Int32Array.of(-1, 0, 1, 2, 3));
    expect([1, 2, 3].map((i) => waitsOf(found!, i)[0]?.kind)).toEqual(["turn", "retry", "retry"]);
    expect(found?.turn).toEqual(Int32Array.of(1, 2, 2, 2, 3));
    expect(found?.mended.repeatedTurns).toBe(2);
  });

  it("leaves a failure that came after the answer beside it", () => {
    const found = recordedSessions(
      traceWith(turn("a", 1), turn("a", 2), turn("a", 2, failed), turn("a", 3), turn("b", 1), turn("b", 2)),
    );
    expect(found?.parent).toEqual(Int32Array.of(-1, 0, 0, 1, -1, 4));
    expect(found?.link).toBeUndefined();
  });

  it("takes forks as forks, and goes on from the one whose prompt is held", () => {
    const ids = (...blocks: number[]) => ({ blockIds: Int32Array.from(blocks) });
    const found = recordedSessions(
      traceWith(
        turn("a", 1, ids(0)),
        turn("a", 2, ids(0, 1)),
        turn("a", 2, ids(0, 2)),
        turn("a", 3, ids(0, 1, 3)),
        turn("a", 3, ids(0, 2, 4)),
      ),
    );
    expect(found?.parent).toEqual(Int32Array.of(-1, 0, 0, 1, 2));
  });

  it("goes by parents where they are told, each with its kind and gap", () => {
    const found = recordedSessions(
      traceWith(
        { requestId: "m1", parents: [] },
        { requestId: "s1", parents: [{ requestId: "m1", kind: "spawn" }] },
        { requestId: "s2", parents: [{ requestId: "s1", kind: "turn" }] },
        {
          requestId: "m2",
          parents: [
            { requestId: "s2", kind: "join", gapMs: 40 },
            { requestId: "m1", kind: "turn" },
          ],
        },
        { requestId: "m3", parents: [{ requestId: "m2", kind: "turn", gapMs: 7, from: "start" }] },
      ),
    );
    expect(found?.parent).toEqual(Int32Array.of(-1, 0, 1, 0, 3));
    expect(found?.turn).toEqual(Int32Array.of(1, 1, 2, 2, 3));
    expect(found?.session).toEqual(Int32Array.of(0, 0, 0, 0, 0));
    expect(found?.agentDepth).toEqual(Uint8Array.of(0, 1, 1, 0, 0));
    expect(waitsOf(found!, 3)).toEqual([
      { parent: 0, kind: "turn" },
      { parent: 2, kind: "join", gapMs: 40 },
    ]);
    expect(waitsOf(found!, 4)).toEqual([{ parent: 3, kind: "turn", gapMs: 7, from: "start" }]);
  });

  it("leaves out a parent that is not in the trace, comes later, or is the request itself", () => {
    const follower = (requestId: string, parent: string) => ({
      requestId,
      parents: [{ requestId: parent, kind: "turn" as const }],
    });
    const found = recordedSessions(
      traceWith(follower("a", "gone"), follower("b", "c"), follower("c", "c"), follower("a", "b")),
    );
    expect(found?.parent).toEqual(Int32Array.of(-1, -1, -1, 1));
    expect(found?.mended).toMatchObject({ unknownParents: 3, repeatedIds: 1 });
  });

  it("counts the turns of each agent of a session by themselves, in one session", () => {
    const agent = { agent: "helper" };
    const found = recordedSessions(
      traceWith(turn("a", 1), turn("a", 1, agent), turn("a", 2, agent), turn("a", 2)),
    );
    expect(found?.parent).toEqual(Int32Array.of(-1, -1, 1, 0));
    expect(found?.session).toEqual(Int32Array.of(0, 0, 0, 0));
    expect(found?.agentDepth).toEqual(Uint8Array.of(0, 1, 1, 0));
    expect(found?.mended.repeatedTurns).toBe(0);
  });
});
