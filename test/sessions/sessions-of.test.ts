import { describe, expect, it } from "vitest";
import { inferSessions, MIN_CONFIDENCE, sessionsOf } from "../../lib/sessions/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";
import { traceOf } from "./trace-of.js";

const { trace } = multiturnTrace({
  sessions: 5,
  turns: 3,
  prefixTokens: 64,
  promptTokens: 30,
  outputTokens: 20,
});
const changed = (of: Trace, change: (record: TraceRecord, i: number) => TraceRecord): Trace => ({
  ...of,
  records: of.records.map(change),
});
const withoutSessions = changed(trace, ({ session: _, turn: __, ...record }) => record);
const withoutHashes = changed(trace, ({ blockIds: _, outputBlockIds: __, ...record }) => record);

describe("sessionsOf", () => {
  it("takes what is recorded, and checks it against the hashes", () => {
    const { parent, turn, isRecorded, checked, differences, warnings, leftOut } = sessionsOf(trace);
    const inferred = inferSessions(trace);
    expect([parent, turn]).toEqual([inferred.parent, inferred.turn]);
    expect(isRecorded.every((is) => is === 1)).toBe(true);
    expect([checked, differences, leftOut]).toEqual([trace.records.length, 0, 0]);
    expect(warnings).toEqual([]);
  });

  it("infers where each response is named only after itself", () => {
    const ownNames = changed(withoutSessions, (record, i) => ({
      ...record,
      ...{ requestId: `r${i}`, session: `s${i}`, turn: 1, sessionSource: "response_id" },
    }));
    const found = sessionsOf(ownNames);
    expect([found.parent, found.turn]).toEqual([sessionsOf(trace).parent, sessionsOf(trace).turn]);
    expect(found.isRecorded.every((is) => is === 0)).toBe(true);
  });

  it("needs no hashes for it, and infers where nothing is recorded", () => {
    const told = sessionsOf(withoutHashes);
    expect(told.inferred).toBeUndefined();
    expect(Math.max(...told.turn)).toBe(3);
    const found = sessionsOf(withoutSessions);
    expect([found.parent, found.turn, found.session]).toEqual([told.parent, told.turn, told.session]);
    expect(found.isRecorded.every((is) => is === 0)).toBe(true);
    expect(sessionsOf(trace, { useRecorded: false }).isRecorded).toEqual(found.isRecorded);
  });

  it("counts where the hashes say otherwise, and uses what is recorded", () => {
    const ofFirst = trace.records.map(({ session }) => session).indexOf(trace.records[0]?.session);
    const at = trace.records.findIndex(
      ({ turn, session }) => turn === 2 && session !== trace.records[ofFirst]?.session,
    );
    const other = changed(trace, (record, i) =>
      i === at ? { ...record, session: trace.records[0]?.session as string, turn: 9 } : record,
    );
    const { differences, firstDifference, parent, warnings } = sessionsOf(other);
    expect(differences).toBeGreaterThan(0);
    expect(firstDifference).toBe(at);
    expect(parent[at]).not.toBe(sessionsOf(trace).parent[at]);
    expect(warnings.join()).toMatch(
      /on \d+ of 15 requests with recorded sessions the hashes tell another parent/,
    );
  });

  it("infers for the rows of which nothing is recorded, and mends a broken row alone", () => {
    const some = changed(trace, ({ session, turn, ...record }, i) =>
      i % 2 === 0 || session === undefined || turn === undefined ? record : { ...record, session, turn },
    );
    const { isRecorded, parent, warnings } = sessionsOf(some);
    expect([...isRecorded].filter((is) => is === 1)).toHaveLength(Math.floor(trace.records.length / 2));
    const told = sessionsOf(trace).parent;
    const right = parent.filter((p, i) => p === told[i]).length;
    expect(right).toBeGreaterThan(trace.records.length / 2);
    expect(warnings.join()).not.toContain("have the id of another");
    const broken = changed(withoutHashes, (record) =>
      record.session === trace.records[0]?.session && record.turn === 3 ? { ...record, turn: 2 } : record,
    );
    const mended = sessionsOf(broken);
    expect(new Set(mended.session).size).toBe(5);
    expect(Math.max(...mended.turn)).toBe(3);
    expect(mended.warnings).toEqual([
      "recorded sessions do not add up on some requests, which were mended alone: 1 repeat a turn",
    ]);
  });

  it("leaves edges out that are not sure enough, and counts them", () => {
    const twoQuestions = traceOf(
      { at: 0, end: 800, prompt: "s d d1 d2 d3 d4 d5 q", output: 12 },
      { at: 6000, prompt: "s d d1 d2 d3 d4 d5 r r1 r2", output: 12 },
    );
    const { confidence } = inferSessions(twoQuestions).evidence;
    expect(confidence[1]).toBeLessThan(MIN_CONFIDENCE);
    const cut = sessionsOf(twoQuestions);
    expect([cut.leftOut, cut.sessionCount]).toEqual([1, 2]);
    expect([...cut.parent]).toEqual([-1, -1]);
    expect(cut.warnings).toEqual([
      "1 inferred turns are less sure than 0.5 and are not used: such a request starts a session",
    ]);
    const all = sessionsOf(twoQuestions, { minConfidence: 0 });
    expect([all.leftOut, all.sessionCount]).toEqual([0, 1]);
    expect([...all.turn]).toEqual([1, 2]);
  });

  it("looks for the turn by hashes where only the session is recorded, within that session", () => {
    const headers = changed(trace, ({ turn: _, ...record }) => record);
    const { parent, turn, isRecorded } = sessionsOf(headers);
    expect([parent, turn]).toEqual([sessionsOf(trace).parent, sessionsOf(trace).turn]);
    expect(isRecorded.every((is) => is === 1)).toBe(true);
  });

  it("refuses a confidence that is none", () => {
    expect(() => sessionsOf(trace, { minConfidence: 1.5 })).toThrow("minConfidence");
  });
});
