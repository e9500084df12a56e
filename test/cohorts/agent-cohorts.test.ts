import { describe, expect, it } from "vitest";
import { roleIndices, summarizeDepths, summarizeRoles } from "../../lib/cohorts/index.js";
import { BlockTable, type Trace } from "../../lib/trace/index.js";

const trace: Trace = {
  meta: { extra: {} },
  records: [10, 20, 30, 40, 50].map((ttftMs) => ({ promptTokens: 8, outputTokens: 2, ttftMs })),
  blocks: new BlockTable(),
  rejected: [],
  warnings: [],
};
const sessions = {
  parent: Int32Array.of(-1, 0, 1, 2, 0),
  turn: Int32Array.of(1, 2, 3, 4, 1),
  session: new Int32Array(5),
};

describe("cohorts of agents", () => {
  it("are by role: all main agents where nothing tells of others", () => {
    expect(roleIndices(sessions, "main")).toEqual([0, 1, 2, 3, 4]);
    expect(roleIndices(sessions, "subAgent")).toEqual([]);
    const labels = { ...sessions, agentDepth: Uint8Array.of(0, 0, 0, 0, 1) };
    const { main, subAgent } = summarizeRoles({ trace, sessions: labels });
    expect([main.n, main.ttftMs.p50]).toEqual([4, 25]);
    expect([subAgent.n, subAgent.ttftMs.p50]).toEqual([1, 50]);
  });

  it("are by depth of the turn, in bands that double", () => {
    const bands = summarizeDepths({ trace, sessions });
    expect(bands.map(({ fromTurn, toTurn, summary }) => [fromTurn, toTurn, summary.n])).toEqual([
      [1, 1, 2],
      [2, 3, 2],
      [4, 7, 1],
    ]);
  });
});
