import { describe, expect, it } from "vitest";
import { edgeConfidence } from "../../lib/sessions/edge-confidence.js";
import type { EdgeKind } from "../../lib/sessions/index.js";

interface Edge {
  readonly kind: EdgeKind;
  readonly shared: number;
  readonly of?: number;
  readonly trunk?: number;
  readonly prompt?: number;
  readonly rivals?: number;
}

function confidenceOf({ kind, shared, of = 0, trunk = 0, prompt = 20, rivals = 1 }: Edge): number {
  const parent = kind === "root" ? -1 : 0;
  return edgeConfidence(
    { parent, kind, sharedBlocks: shared, competingParents: rivals },
    { parentBlocks: of, trunkBlocks: trunk, promptBlocks: prompt },
  );
}

describe("the confidence in an edge", () => {
  it("is that of its kind, times the share of the parent that was matched, less a half for each block", () => {
    expect(confidenceOf({ kind: "answer", shared: 5, of: 4 })).toBeCloseTo(0.99 * (1 - 1 / 64), 12);
    expect(confidenceOf({ kind: "prefix", shared: 4, of: 4 })).toBeCloseTo(0.97 * (1 - 1 / 32), 12);
    expect(confidenceOf({ kind: "tail-edit", shared: 3, of: 4 })).toBeCloseTo(0.9 * 0.75 * (1 - 1 / 16), 12);
    expect(confidenceOf({ kind: "edit", shared: 4, of: 8 })).toBeCloseTo(0.8 * 0.5 * (1 - 1 / 32), 12);
  });

  it("counts a quarter of the parent at the least, and all of it at the most", () => {
    expect(confidenceOf({ kind: "edit", shared: 1, of: 8 })).toBeCloseTo(0.8 * 0.25 * 0.75, 12);
    expect(confidenceOf({ kind: "answer", shared: 6, of: 4, trunk: 4 })).toBeCloseTo(0.99 * 0.875, 12);
    // A parent within the trunk whose answer leads out of it.
    expect(confidenceOf({ kind: "answer", shared: 6, of: 3, trunk: 4 })).toBeCloseTo(0.99 * 0.875, 12);
    expect(confidenceOf({ kind: "prefix", shared: 1, of: 1 })).toBeCloseTo(0.97 * 0.75, 12);
  });

  it("is the same past a trunk as without one", () => {
    for (const kind of ["answer", "prefix", "tail-edit", "edit"] as const)
      expect(confidenceOf({ kind, shared: 9, of: 12, trunk: 6 })).toBe(
        confidenceOf({ kind, shared: 3, of: 6 }),
      );
  });

  it("is shared among those that fit equally well", () => {
    const alone = confidenceOf({ kind: "prefix", shared: 4, of: 4 });
    expect(confidenceOf({ kind: "prefix", shared: 4, of: 4, rivals: 4 })).toBeCloseTo(alone / 4, 12);
  });

  it("is sure of a root that shares nothing past a trunk, less so of one within it, and guesses the others", () => {
    expect(confidenceOf({ kind: "root", shared: 0 })).toBe(1);
    expect(confidenceOf({ kind: "root", shared: 5, trunk: 5, prompt: 6 })).toBe(1);
    expect(confidenceOf({ kind: "root", shared: 5, trunk: 5, prompt: 5 })).toBe(0.7);
    expect(confidenceOf({ kind: "root", shared: 6, trunk: 5, prompt: 9 })).toBe(0.5);
    expect(confidenceOf({ kind: "root", shared: 0, prompt: 0 })).toBe(0.5);
    expect(confidenceOf({ kind: "root", shared: 0, prompt: 1 })).toBe(1);
  });
});
