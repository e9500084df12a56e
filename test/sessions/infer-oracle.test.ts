import { describe, expect, it } from "vitest";
import { EDGE_KINDS, inferSessions } from "../../lib/sessions/index.js";
import { naiveSessions } from "./naive-sessions.js";
import { randomTrace } from "./random-trace.js";

const TRACES = 10_000;

describe("inferSessions against a naive inference over all pairs", () => {
  it(`agrees on ${TRACES} random small traces: parents, kinds, blocks shared, trunks, rivals`, () => {
    const settings = [
      { tailBlocks: 2, answerShare: 0, trunkBranches: 3, trunkFanOut: 16 },
      { tailBlocks: 1, answerShare: 0.25, trunkBranches: 2, trunkFanOut: 3 },
      { tailBlocks: 0, answerShare: 1, trunkBranches: 4, trunkFanOut: 4 },
    ];
    const found = new Map<string, number>();
    const tolerated = new Set<number>();
    for (let seed = 0; seed < TRACES; seed++) {
      const trace = randomTrace(seed, { maxRequests: 14, clockTicks: seed % 2 === 0 ? 60 : 12 });
      const options = settings[seed % settings.length] as (typeof settings)[0];
      const { parent, evidence, overlapShare } = inferSessions(trace, options);
      const edges = Array.from(parent, (p, i) => ({
        parent: p,
        kind: EDGE_KINDS[evidence.kind[i] as number],
        shared: evidence.sharedBlocks[i],
        trunk: evidence.trunkBlocks[i],
        rivals: evidence.competingParents[i],
      }));
      expect({ edges, overlapShare }, `seed ${seed}`).toEqual(naiveSessions(trace, options));
      tolerated.add(overlapShare);
      for (const { kind } of edges) found.set(kind as string, (found.get(kind as string) ?? 0) + 1);
    }
    // Also where the rows are in no order.
    for (let seed = 0; seed < 500; seed++) {
      const trace = randomTrace(seed, { maxRequests: 14, clockTicks: 60 });
      const at = seed % trace.records.length;
      const turned = { ...trace, records: [...trace.records.slice(at), ...trace.records.slice(0, at)] };
      const { parent } = inferSessions(turned, settings[0]);
      expect([...parent], `seed ${seed}`).toEqual(
        naiveSessions(turned, settings[0]).edges.map((edge) => edge.parent),
      );
    }
    // The agreement says something only where every kind of edge occurs.
    for (const kind of EDGE_KINDS.filter((name) => name !== "spawn" && name !== "restart"))
      expect(found.get(kind) ?? 0, kind).toBeGreaterThan(200);
    expect([...tolerated].sort()).toEqual([0, 0.01, 0.02, 0.05, 0.1]);
  });
});
