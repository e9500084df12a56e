import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReplicaEvent, SimulationRun } from "../../lib/engine/index.js";
import { type FleetOptions, routers, runFleet } from "../../lib/fleet/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { everyCost } from "../engine/linear-model.js";
import { workloads } from "../engine/workloads.js";

/** All that a run tells. */
function told(run: SimulationRun) {
  const indices = [...run.fireMs.keys()];
  return {
    columns: (
      ["replica", "fireMs", "admittedMs", "runningAtAdmission", "cachedTokens", "outputTokens"] as const
    ).map((column) => [...run[column]]),
    times: indices.map((i) => [run.firstTokenMs(i), run.lastTokenMs(i), run.leftMs(i), run.timedOutMs(i)]),
    refused: run.refused,
    engines: run.engines,
    totals: [run.endMs, run.busyMs, run.preemptions, run.prefixHitTokens, run.evictedBlocks],
    events: run.replicaEvents,
  };
}

/** A cache that is watched makes engines act in order of time, all together. */
const together: Pick<FleetOptions, "watchCache"> = { watchCache: (cache) => cache };

describe("engines whose work makes no client send", () => {
  const words = [
    ...Object.keys(routers),
    "kv-cost:loss=0.3",
    "precise-prefix:loss=0.3",
    "sticky:assign=random",
  ];
  const events: readonly ReplicaEvent[] = [
    { atMs: 60.137, does: "stop", replica: 1 },
    { atMs: 90.731, does: "drain", replica: 2 },
    { atMs: 150.5, does: "restart", replica: 1 },
  ];

  it("do apart, from one send to the next, what they do together in order of time", () => {
    fc.assert(
      fc.property(
        workloads,
        fc.constantFrom(...words),
        fc.constantFrom(everyCost, latencyProfile("h200-qwen3-8b")),
        fc.constantFrom<Partial<FleetOptions>>(
          {},
          { requestTimeoutMs: 80 },
          { replicaEvents: events },
          { untilMs: 200 },
        ),
        fc.boolean(),
        ({ requests, options }, router, model, more, asyncScheduling) => {
          // Ties among them are kept: many are sent at one instant.
          const open = requests.map(({ after, ...request }, i) => ({
            ...request,
            session: i % 5,
            fireAtMs: request.fireAtMs ?? 10 * (i % 7),
          }));
          const engine = { ...options, asyncScheduling };
          const given = { requests: open, model, engine, replicas: 3, router, seed: 3, ...more };
          expect(told(runFleet(given))).toEqual(told(runFleet({ ...given, ...together })));
        },
      ),
      { numRuns: 600 },
    );
  });
});
