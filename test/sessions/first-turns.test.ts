import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { firstTurns, type Workload, workloadOf } from "../../lib/sessions/index.js";
import { BlockTable } from "../../lib/trace/index.js";

/** A main agent of four turns, the third of which starts a sub-agent of two. */
const row = (requestId: string, turn: number, arrivalMs: number) => ({
  promptTokens: 16 * turn,
  outputTokens: 1,
  arrivalMs,
  ttftMs: 1,
  requestId,
  session: "s",
  turn,
});
const follows = (requestId: string, kind: "turn" | "spawn") => ({ parents: [{ requestId, kind }] });
const workload: Workload = workloadOf({
  meta: { extra: {} },
  records: [
    { ...row("a", 1, 0), parents: [] },
    { ...row("b", 2, 10), ...follows("a", "turn") },
    { ...row("c", 3, 20), ...follows("b", "turn") },
    { ...row("x", 1, 25), agent: "x", ...follows("c", "spawn") },
    { ...row("y", 2, 30), agent: "x", ...follows("x", "turn") },
    { ...row("d", 4, 40), ...follows("c", "turn") },
  ],
  blocks: new BlockTable(),
  rejected: [],
  warnings: [],
});

describe("the first turns of each agent", () => {
  const kept = (turns: number) => firstTurns(workload, turns).trace.records.map(({ requestId }) => requestId);

  it("are kept, without what waits for a turn that is left out", () => {
    expect(kept(1)).toEqual(["a"]);
    expect(kept(2)).toEqual(["a", "b"]);
    expect(kept(3)).toEqual(["a", "b", "c", "x", "y"]);
  });

  it("are the workload itself where nothing is left out", () => {
    expect(firstTurns(workload, 4)).toBe(workload);
  });

  it("are at least one", () => {
    expect(() => firstTurns(workload, 0)).toThrow(InputError);
  });
});
