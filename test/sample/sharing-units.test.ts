import { describe, expect, it } from "vitest";
import { type Grouping, SharingUnits } from "../../lib/sample/sharing-units.js";
import { type Workload, workloadOf } from "../../lib/sessions/index.js";
import { generatedTrace } from "./generated-trace.js";

const unitsOf = (workload: Workload, wanted: number, grouping: Grouping): Int32Array =>
  new SharingUnits(workload, wanted).of(grouping);

/** Sessions of each unit, in order. */
function members(unitOf: Int32Array): number[][] {
  const found: number[][] = [];
  unitOf.forEach((unit, session) => {
    found[unit] ??= [];
    found[unit].push(session);
  });
  return found;
}

describe("units of sessions", () => {
  it("by prefix are those that share one, where few do", () => {
    const workload = workloadOf(generatedTrace({ sessions: 300, seed: 11, prefixCount: 60 }));
    const { trace, sessions } = workload;
    const unitOf = unitsOf(workload, 60, { by: "prefix" });
    const firstBlocks = members(unitOf).map(
      (unit) =>
        new Set(
          trace.records.filter((_, i) => unit.includes(sessions.session[i])).map((r) => r.blockIds![0]),
        ),
    );
    expect(firstBlocks.every(({ size }) => size === 1)).toBe(true);
    expect(firstBlocks).toHaveLength(new Set(trace.records.map((r) => r.blockIds![0])).size);
  });

  it("by runs are neighbours among the sessions of one prefix, full runs but for the last", () => {
    const workload = workloadOf(generatedTrace({ sessions: 300, seed: 12, prefixCount: 3 }));
    const { trace, sessions } = workload;
    const units = members(unitsOf(workload, 60, { by: "runs", few: 0.1, sessions: 7 }));
    const prefixOf = new Map(trace.records.map((r, i) => [sessions.session[i], r.blockIds![0]]));
    const runs = [...new Set(prefixOf.values())].flatMap((prefix) => {
      const of = [...prefixOf.keys()].filter((s) => prefixOf.get(s) === prefix).sort((a, b) => a - b);
      return Array.from({ length: Math.ceil(of.length / 7) }, (_, k) => of.slice(7 * k, 7 * k + 7));
    });
    expect(units).toEqual(runs.toSorted((a, b) => a[0] - b[0]));
  });

  it("by stretches are neighbours in time, of nearly equal numbers", () => {
    const workload = workloadOf(generatedTrace({ sessions: 300, seed: 13, prefixCount: 3 }));
    const units = members(unitsOf(workload, 60, { by: "stretches", count: 4 }));
    expect(units.flat()).toEqual(Array.from({ length: 300 }, (_, session) => session));
    expect(units.map(({ length }) => length)).toEqual(Array.from({ length: 20 }, () => 15));
  });

  it("hold whoever waits for another's requests, whatever they are made by", () => {
    const workload = workloadOf(generatedTrace({ sessions: 90, seed: 14, prefixCount: 2, spawnEvery: 2 }));
    const { session, parent } = workload.sessions;
    for (const grouping of [
      { by: "prefix" },
      { by: "runs", few: 0.1, sessions: 3 },
      { by: "stretches", count: 9 },
    ] as const) {
      const unitOf = unitsOf(workload, 30, grouping);
      parent.forEach((before, i) => {
        if (before >= 0) expect(unitOf[session[i]], grouping.by).toBe(unitOf[session[before]]);
      });
    }
  });
});
