import { describe, expect, it } from "vitest";
import { latencyProfile } from "../../lib/latency/index.js";
import { planReplay, replay } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/** A main agent that starts two sub-agents and waits for both: rows of one second each. */
function agentTrace(gaps: { readonly toldGapMs?: number } = {}): Trace {
  const told = gaps.toldGapMs === undefined ? {} : { gapMs: gaps.toldGapMs };
  const row = (requestId: string, arrivalMs: number, parents: TraceRecord["parents"] = []): TraceRecord => ({
    promptTokens: 64,
    outputTokens: 8,
    arrivalMs,
    ttftMs: 300,
    itlSummary: { meanMs: 100, count: 7 },
    requestId,
    parents,
  });
  return {
    meta: { extra: {} },
    records: [
      row("m1", 0),
      row("a1", 1200, [{ requestId: "m1", kind: "spawn" }]),
      row("b1", 1300, [{ requestId: "m1", kind: "spawn", from: "start" }]),
      row("b2", 4000, [{ requestId: "b1", kind: "turn" }]),
      row("m2", 5500, [
        { requestId: "m1", kind: "turn", ...told },
        { requestId: "a1", kind: "join", ...told },
        { requestId: "b2", kind: "join", ...told },
      ]),
    ],
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}

describe("a plan of an agent and its sub-agents", () => {
  it("is paced by sessions, each request after all that it waits for", () => {
    const { requests, pacing } = planReplay(workloadOf(agentTrace()));
    expect(pacing).toBe("session");
    expect(requests.map(({ fireAtMs, after }) => after ?? fireAtMs)).toEqual([
      0,
      { parent: 0, gapMs: 200 },
      { parent: 0, gapMs: 1300, from: "start" },
      { parent: 2, gapMs: 1700 },
      { parent: 0, gapMs: 500 },
    ]);
    expect(requests[4]?.joins).toEqual([
      { parent: 1, gapMs: 500 },
      { parent: 3, gapMs: 500 },
    ]);
  });

  it("keeps the gaps that the source tells of each, and scales them as think times", () => {
    const { requests } = planReplay(workloadOf(agentTrace({ toldGapMs: 70 })), { thinkScale: 2 });
    expect(requests[4]).toMatchObject({
      after: { parent: 0, gapMs: 140 },
      joins: [
        { parent: 1, gapMs: 140 },
        { parent: 3, gapMs: 140 },
      ],
    });
  });

  it("is replayed so: the next turn comes after the last sub-agent, whichever that is", () => {
    const { run } = replay(workloadOf(agentTrace()), { model: latencyProfile("h200-qwen3-8b") });
    const ends = [0, 1, 3].map((i) => run.lastTokenMs(i) as number);
    expect(run.fireMs[4]).toBeCloseTo(Math.max(...ends) + 500, 6);
    expect(run.fireMs[2]).toBeCloseTo(1300, 6);
  });
});
