import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adjustedRandIndex, type SessionLabels, scoreSessions } from "../../lib/sessions/index.js";

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

  it("counts what started sub-agents, and what is joined, by themselves", () => {
    const agents = (spawnedBy: number, joined: readonly number[]): SessionLabels => ({
      ...labels([-1, spawnedBy, 0, 0], [0, 0, 0, 0], [1, 1, 2, 2]),
      link: Uint8Array.of(0, 1, 0, 0),
      waits: new Map([
        [3, [{ parent: 0, kind: "turn" }, ...joined.map((parent) => ({ parent, kind: "join" as const }))]],
      ]),
    });
    const score = scoreSessions(agents(0, [1, 2]), agents(0, [1]));
    expect(score.spawns).toMatchObject({ inferred: 1, actual: 1, correct: 1 });
    expect(score.joins).toMatchObject({ inferred: 2, actual: 1, correct: 1, precision: 0.5, recall: 1 });
    expect(scoreSessions(agents(2, []), agents(0, [])).spawns).toMatchObject({ correct: 0, precision: 0 });
  });

  it("refuses labels of another trace", () => {
    expect(() => scoreSessions(labels([-1], [0], [1]), labels([], [], []))).toThrow("got 1 and 0");
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
