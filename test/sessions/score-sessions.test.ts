import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adjustedRandIndex, recordedSessions, scoreSessions } from "../../lib/sessions/index.js";
import { multiturnTrace } from "./multiturn-trace.js";
import { traceOf } from "./trace-of.js";

const labels = (parent: number[], session: number[], turn: number[]) => ({
  parent: Int32Array.from(parent),
  session: Int32Array.from(session),
  turn: Int32Array.from(turn),
});

describe("adjustedRandIndex", () => {
  it("is 0.5714 and -0.5 on the two four-item examples of scikit-learn's adjusted_rand_score", () => {
    expect(adjustedRandIndex([0, 0, 1, 2], [0, 0, 1, 1])).toBeCloseTo(0.5714, 4);
    expect(adjustedRandIndex([0, 0, 1, 1], [0, 1, 0, 1])).toBeCloseTo(-0.5, 12);
  });

  it("equals the count over all pairs of items, and does not care which partition comes first", () => {
    const partition = fc.array(fc.tuple(fc.nat(4), fc.nat(3)), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(partition, (items) => {
        const a = items.map(([x]) => x);
        const b = items.map(([, y]) => y);
        const index = adjustedRandIndex(a, b);
        expect(index).toBeCloseTo(overPairs(a, b), 9);
        expect(adjustedRandIndex(b, a)).toBeCloseTo(index, 9);
        expect(index).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it("is 1 for a partition against itself, whatever the labels", () => {
    expect(adjustedRandIndex([0, 0, 1, 2], [7, 7, 3, 9])).toBe(1);
    expect(adjustedRandIndex([0, 1, 2], [5, 6, 7])).toBe(1);
    expect(adjustedRandIndex([], [])).toBe(1);
  });

  it("refuses partitions of different items", () => {
    expect(() => adjustedRandIndex([0], [0, 1])).toThrow("must cover the same items, got 1 and 2");
  });
});

describe("scoreSessions", () => {
  it("counts an edge as correct only with the same child and the same parent", () => {
    const truth = labels([-1, 0, 1, -1], [0, 0, 0, 1], [1, 2, 3, 1]);
    const inferred = labels([-1, 0, 0, 0], [0, 0, 0, 0], [1, 2, 2, 2]);
    const score = scoreSessions(inferred, truth);
    expect(score).toMatchObject({ inferred: 3, actual: 2, correct: 1, precision: 1 / 3, recall: 1 / 2 });
    expect(score.byTurn).toEqual([
      { turn: 1, inferred: 1, actual: 0, correct: 0, precision: 0, recall: undefined },
      { turn: 2, inferred: 1, actual: 1, correct: 1, precision: 1, recall: 1 },
      { turn: 3, inferred: 1, actual: 1, correct: 0, precision: 0, recall: 0 },
    ]);
  });

  it("leaves precision undefined where nothing was inferred", () => {
    const alone = labels([-1, -1], [0, 1], [1, 1]);
    expect(scoreSessions(alone, alone)).toMatchObject({ precision: undefined, recall: undefined });
  });

  it("refuses labels of another trace", () => {
    expect(() => scoreSessions(labels([-1], [0], [1]), labels([], [], []))).toThrow("got 1 and 0");
  });
});

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
  });

  it("is undefined where no record names a session", () => {
    expect(recordedSessions(traceOf({ at: 0, prompt: "a" }))).toBeUndefined();
  });

  it("takes a request without a session for one of its own, and one without a turn for a first", () => {
    const trace = traceOf(...[0, 1, 2, 3, 4].map((at) => ({ at, prompt: "a" })));
    const names = [undefined, "b", undefined, "c", "b"];
    const turns = [undefined, undefined, 7, undefined, 2];
    const records = trace.records.map((record, i) => ({
      ...record,
      ...(names[i] !== undefined && { session: names[i] }),
      ...(turns[i] !== undefined && { turn: turns[i] }),
    }));
    expect(recordedSessions({ ...trace, records })).toEqual({
      parent: Int32Array.of(-1, -1, -1, -1, 1),
      turn: Int32Array.of(1, 1, 1, 1, 2),
      session: Int32Array.of(0, 1, 2, 3, 1),
    });
  });

  it("refuses a turn that occurs twice, or whose predecessor is missing", () => {
    const trace = traceOf({ at: 0, prompt: "a" }, { at: 1, prompt: "a b" });
    const named = (...turns: number[]) => ({
      ...trace,
      records: trace.records.map((record, i) => ({ ...record, session: "s", turn: turns[i] as number })),
    });
    expect(() => recordedSessions(named(1, 1))).toThrow("session s has turn 1 twice (record 1)");
    expect(() => recordedSessions(named(1, 3))).toThrow("session s has turn 3 but not turn 2 (record 1)");
  });
});

/** The index by its definition over pairs: 2 (TP TN - FN FP) / ((TP + FN)(FN + TN) + (TP + FP)(FP + TN)). */
function overPairs(a: readonly number[], b: readonly number[]): number {
  let tp = 0;
  let fp = 0;
  let fn = 0;
  let tn = 0;
  for (let i = 0; i < a.length; i++)
    for (let j = i + 1; j < a.length; j++) {
      const inA = a[i] === a[j];
      const inB = b[i] === b[j];
      if (inA && inB) tp++;
      else if (inA) fp++;
      else if (inB) fn++;
      else tn++;
    }
  const scale = (tp + fn) * (fn + tn) + (tp + fp) * (fp + tn);
  return scale === 0 ? 1 : (2 * (tp * tn - fn * fp)) / scale;
}
