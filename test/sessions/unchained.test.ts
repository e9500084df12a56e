import { describe, expect, it } from "vitest";
import { inferSessions } from "../../lib/sessions/index.js";
import type { TraceRecord } from "../../lib/trace/index.js";
import { traceOf } from "./trace-of.js";

/** Requests over blocks of 16 tokens with these ids; of an answer as well. */
function infer(
  ...requests: readonly { at: number; end?: number; ids: readonly number[]; answer?: readonly number[] }[]
) {
  const trace = traceOf(
    ...requests.map(({ at, end, ids }) => ({ at, prompt: ids.join(" "), ...(end && { end }) })),
  );
  const records = trace.records.map((record, i): TraceRecord => {
    const { ids, answer } = requests[i];
    return {
      ...record,
      blockIds: Int32Array.from(ids),
      ...(answer && { outputBlockIds: Int32Array.from(answer) }),
    };
  });
  return inferSessions({ ...trace, records });
}

describe("a block hash that follows another block elsewhere", () => {
  it("cuts the prompt before it: nothing is found through it", () => {
    const { parent, evidence, warnings } = infer(
      { at: 0, end: 1, ids: [0] },
      { at: 2, end: 3, ids: [1, 2] },
      { at: 4, end: 5, ids: [0, 2, 3] },
    );
    expect([...parent]).toEqual([-1, -1, 0]);
    expect([...evidence.sharedBlocks]).toEqual([0, 0, 1]);
    expect(warnings).toEqual([expect.stringMatching(/^1 requests have a block hash/)]);
  });

  it("may be one that a prompt begins with elsewhere", () => {
    const { evidence, warnings } = infer({ at: 0, end: 1, ids: [7] }, { at: 2, end: 3, ids: [1, 7] });
    expect(warnings).toEqual([expect.stringMatching(/^1 requests have a block hash/)]);
    expect([...evidence.sharedBlocks]).toEqual([0, 0]);
  });

  it("is not known to others by the request that was cut", () => {
    const { parent } = infer(
      { at: 0, end: 9000, ids: [1, 2] },
      { at: 2, end: 3, ids: [0, 2] },
      { at: 10, end: 11, ids: [1, 2, 3] },
    );
    expect([...parent]).toEqual([-1, -1, -1]);
  });

  it("cuts the answer off with the prompt", () => {
    const { parent } = infer(
      { at: 0, end: 9000, ids: [1, 2] },
      { at: 1, end: 9000, ids: [5, 6] },
      { at: 2, end: 3, ids: [0, 6], answer: [1, 2] },
      { at: 10, end: 11, ids: [1, 2, 3] },
    );
    expect([...parent]).toEqual([-1, -1, -1, -1]);
  });

  it("cuts an answer where it does not go on from the prompt", () => {
    const { parent } = infer(
      { at: 0, end: 9000, ids: [1, 2, 4] },
      { at: 2, end: 3, ids: [0], answer: [7, 4] },
      { at: 10, end: 11, ids: [1, 2, 4, 5] },
      { at: 12, end: 13, ids: [0, 7, 8] },
    );
    expect([...parent]).toEqual([-1, -1, -1, 1]);
  });
});
