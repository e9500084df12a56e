import { describe, expect, it } from "vitest";
import { inferSessions, scoreSessions, waitsOf } from "../../lib/sessions/index.js";
import { type Shorthand, traceOf } from "./trace-of.js";
import { truthOf } from "./workloads/labelled.js";
import { hasWekaFiles, wekaFiles, wekaInterleaved } from "./workloads/weka.js";

/** A main agent of many turns 20 s apart; at some of them it starts a sub-agent of three turns, and waits for it. */
function agents(
  spawnAt: readonly number[],
  turns = 12,
): { readonly rows: Shorthand[]; readonly main: number[] } {
  const rows: Shorthand[] = [];
  const main: number[] = [];
  let history = "main tools m0";
  let at = 0;
  for (let turn = 0; turn < turns; turn++) {
    main.push(at);
    rows.push({ at, end: at + 1000, prompt: history });
    history += ` A${turn} m${turn + 1}`;
    if (!spawnAt.includes(turn)) {
      at += 20_000;
      continue;
    }
    let own = `helper kit task${turn}`;
    for (let step = 0; step < 3; step++) {
      const begins = at + 1200 + 12_000 * step;
      rows.push({ at: begins, end: begins + 2000, prompt: own });
      own += ` H${turn}.${step} r${turn}.${step}`;
    }
    at += 45_000;
  }
  rows.sort((a, b) => a.at - b.at);
  return { rows, main };
}

describe("sub-agents without ids", () => {
  it("are spawned by the request that ended just before, and joined by the next turn after them", () => {
    const { rows, main } = agents([2, 5, 8]);
    const trace = traceOf(...rows);
    const found = inferSessions(trace);
    const atMs = (i: number) => trace.records[i]!.arrivalMs as number;
    const spawned = Array.from(found.parent.keys()).filter((i) => found.link?.[i] === 1);
    expect(spawned.map((i) => atMs(found.parent[i]!))).toEqual([2, 5, 8].map((turn) => main[turn]));
    for (const [k, i] of spawned.entries()) {
      expect(found.turn[i]).toBe(1);
      expect(found.agentDepth?.[i]).toBe(1);
      const next = rows.findIndex(({ at }) => at === main[[3, 6, 9][k]!]);
      const joined = waitsOf(found, next).filter(({ kind }) => kind === "join");
      expect(joined.map(({ parent }) => atMs(parent))).toEqual([atMs(i) + 24_000]);
    }
    expect(new Set(found.session).size).toBe(1);
  });

  it("are none where another kind of conversation begins at any time", () => {
    const { rows } = agents([]);
    const others = Array.from({ length: 10 }, (_, k) => [
      { at: 7300 + 24_700 * k, end: 8300 + 24_700 * k, prompt: `other kit q${k}` },
      { at: 9000 + 24_700 * k, end: 9900 + 24_700 * k, prompt: `other kit q${k} O p${k}` },
    ]).flat();
    const found = inferSessions(traceOf(...[...rows, ...others].sort((a, b) => a.at - b.at)));
    expect(found.link).toBeUndefined();
    expect(found.waits).toBeUndefined();
  });
});

describe.skipIf(!hasWekaFiles)(
  `sub-agents of Weka's conversations (skipped where ../shared/data/weka and weka-subagents are not there)`,
  () => {
    it("are found in each file with precision and recall of at least 0.95, as what waits for them", () => {
      const spawns = { inferred: 0, actual: 0, correct: 0 };
      const joins = { inferred: 0, actual: 0, correct: 0 };
      for (const path of [...wekaFiles("fit"), ...wekaFiles("held out")]) {
        const workload = wekaInterleaved([path], { seed: 1, spreadMs: 0, half: "fit", subAgents: true });
        const score = scoreSessions(inferSessions(workload.trace), truthOf(workload));
        for (const [sum, part] of [
          [spawns, score.spawns],
          [joins, score.joins],
        ] as const) {
          sum.inferred += part.inferred;
          sum.actual += part.actual;
          sum.correct += part.correct;
        }
      }
      expect([spawns.actual, joins.actual]).toEqual([44, 40]);
      for (const { inferred, actual, correct } of [spawns, joins]) {
        expect(correct / inferred).toBeGreaterThanOrEqual(0.95);
        expect(correct / actual).toBeGreaterThanOrEqual(0.95);
      }
    }, 120_000);
  },
);
