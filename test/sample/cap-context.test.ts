import { describe, expect, it } from "vitest";
import { capContext } from "../../lib/sample/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { BlockTable, type ParentEdge, type Trace, type TraceRecord } from "../../lib/trace/index.js";
import { generatedTrace } from "./generated-trace.js";

/** Requests of one session in order: id, prompt tokens, and what each waits for. */
function sessionOf(
  ...rows: readonly (readonly [id: string, promptTokens: number, ...parents: readonly ParentEdge[]])[]
): Trace {
  const records = rows.map(
    ([requestId, promptTokens, ...parents], i): TraceRecord => ({
      requestId,
      promptTokens,
      outputTokens: 10,
      arrivalMs: 1000 * i,
      ttftMs: 50,
      session: "s",
      parents,
    }),
  );
  return {
    meta: { blockSize: 16, extra: {} },
    records,
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}
const turn = (requestId: string): ParentEdge => ({ requestId, kind: "turn" });

function cappedIds(trace: Trace, capTokens: number): string[] {
  return capContext(workloadOf(trace), capTokens).workload.trace.records.map(({ requestId }) => requestId!);
}

describe("capContext", () => {
  it("ends a session before its first request that does not fit, also where later ones would fit", () => {
    const trace = sessionOf(["a", 100], ["b", 200, turn("a")], ["c", 300, turn("b")], ["d", 50, turn("c")]);
    const { cut } = capContext(workloadOf(trace), 250);
    expect(cappedIds(trace, 250)).toEqual(["a", "b"]);
    expect(cut).toMatchObject({ tooLong: 1, afterThem: 1, shortened: 1, gone: 0, requests: 4, sessions: 1 });
  });

  it("counts the answer, and takes what just fits", () => {
    const trace = sessionOf(["a", 100], ["b", 200, turn("a")]);
    expect(cappedIds(trace, 210)).toEqual(["a", "b"]);
    expect(cappedIds(trace, 209)).toEqual(["a"]);
  });

  it("lets an agent go on without a sub-agent that did not fit, and no sub-agent start from a request that did not", () => {
    const trace = sessionOf(
      ["a", 100],
      ["sub", 400, { requestId: "a", kind: "spawn" }],
      ["b", 150, turn("a"), { requestId: "sub", kind: "join" }],
      ["long", 500, turn("b")],
      ["orphan", 20, { requestId: "long", kind: "spawn" }],
    );
    const { workload } = capContext(workloadOf(trace), 300);
    expect(workload.trace.records.map(({ requestId }) => requestId)).toEqual(["a", "b"]);
    expect(workload.trace.records[1].parents).toEqual([turn("a")]);
    expect(workload.sessions.waits).toBeUndefined();
    expect([...workload.sessions.parent]).toEqual([-1, 0]);
  });

  it("leaves out nothing else on random traces, and nothing that does not fit", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const trace = generatedTrace({ sessions: 30, seed, spawnEvery: 3 });
      const { workload, cut } = capContext(workloadOf(trace), 300);
      const { records } = workload.trace;
      const fits = ({ promptTokens, outputTokens }: TraceRecord) => promptTokens + outputTokens <= 300;
      expect(records.every(fits), `seed ${seed}`).toBe(true);
      expect(records.length, `seed ${seed}`).toBe(cut.requests - cut.tooLong - cut.afterThem);
      expect(cut.tooLong, `seed ${seed}`).toBe(trace.records.filter((record) => !fits(record)).length);
      const ids = new Set(records.map(({ requestId }) => requestId));
      for (const record of trace.records) {
        const first = record.parents?.find(({ kind }) => kind !== "join");
        if (fits(record) && (!first || ids.has(first.requestId))) expect(ids).toContain(record.requestId);
      }
    }
  });

  it("tells how much of the prompts an unbounded cache would find, before and after", () => {
    const trace = generatedTrace({ sessions: 30, seed: 1 });
    const { cut } = capContext(workloadOf(trace), 300);
    expect(cut.ceiling.after).toBeLessThan(cut.ceiling.before);
    const { cut: none } = capContext(workloadOf(trace), 1e6);
    expect(none).toMatchObject({ tooLong: 0, afterThem: 0, shortened: 0, gone: 0 });
    expect(none.ceiling.after).toBe(none.ceiling.before);
  });
});
