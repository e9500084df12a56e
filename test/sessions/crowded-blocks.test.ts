import { describe, expect, it } from "vitest";
import { inferSessions } from "../../lib/sessions/index.js";
import { traceOf } from "./trace-of.js";

describe("a block on which many prompts end", () => {
  const child = { at: 5000, prompt: "s a A b" };

  it("is searched for a parent among the 64 latest of them", () => {
    const parentBehind = (running: number) => {
      // All but the first are still answered when the child arrives.
      const others = Array.from({ length: running }, (_, i) => ({ at: 10 + i, end: 9000, prompt: "s a" }));
      return inferSessions(traceOf({ at: 0, end: 1, prompt: "s a" }, ...others, child)).parent.at(-1);
    };
    expect([0, 1, 62, 63].map(parentBehind)).toEqual([0, 0, 0, 0]);
    expect([64, 65, 200].map(parentBehind)).toEqual([-1, -1, -1]);
  });

  it("has 64 rivals of a parent at the most", () => {
    const competing = (finished: number) => {
      const same = Array.from({ length: finished }, (_, i) => ({
        at: 10 * i,
        end: 10 * i + 1,
        prompt: "s a",
      }));
      const { parent, evidence } = inferSessions(traceOf(...same, child));
      expect(parent.at(-1)).toBe(finished - 1);
      return evidence.competingParents.at(-1);
    };
    expect([1, 2, 64, 65, 66, 200].map(competing)).toEqual([1, 2, 64, 64, 64, 64]);
  });
});

describe("a block that many open at once", () => {
  it("is a trunk, however many that are", () => {
    const opening = (many: number) => {
      const first = { at: 0, end: 1, prompt: "s a" };
      const others = Array.from({ length: many }, (_, i) => ({ at: 10, end: 11, prompt: `s b${i}` }));
      return inferSessions(traceOf(first, ...others), { trunkFanOut: 1000 }).evidence.trunkBlocks[0];
    };
    expect([1, 2, 255, 256, 257].map(opening)).toEqual([0, 1, 1, 1, 1]);
  });
});

describe("records with answers", () => {
  it("share what an answer's blocks lead to, also where the prompt has no full block", () => {
    const { parent, evidence } = inferSessions(
      traceOf(
        { at: 0, end: 1, prompt: "", rest: 9, answer: "A B" },
        { at: 2, end: 3, prompt: "A B c" },
        { at: 4, end: 5, prompt: "A B c d e" },
      ),
    );
    expect([...evidence.sharedBlocks]).toEqual([0, 2, 3]);
    expect([...parent]).toEqual([-1, 0, 1]);
  });
});
