import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EngineRequest, EngineRun, ReplicaEvent } from "../../lib/engine/index.js";
import { type RouterPolicy, routers, runFleet } from "../../lib/fleet/index.js";
import { everyCost as model } from "../engine/linear-model.js";
import { workloads } from "../engine/workloads.js";
import { isOpenAt, naiveFailures } from "./naive-failures.js";

/** Two replicas that come and go beside one that stays, and perhaps one that is added; no two events at one time. */
const someEvents = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom("stop", "restart", "drain"), fc.nat(400)), {
    minLength: 1,
    maxLength: 5,
  })
  .chain((drawn) =>
    fc.option(fc.nat(400), { nil: undefined }).map((addMs) => {
      const events: ReplicaEvent[] = [];
      const stopped = new Set<number>();
      const sorted = [...drawn].sort((a, b) => a[2] - b[2]);
      for (const [k, [replica, does, ms]] of sorted.entries()) {
        // A stopped one can only be restarted.
        const change = stopped.has(replica) ? "restart" : (does as "stop" | "restart" | "drain");
        if (change === "stop") stopped.add(replica);
        else stopped.delete(replica);
        events.push({ atMs: ms + 0.137 + k / 1000, does: change, replica });
      }
      if (addMs !== undefined) events.push({ atMs: addMs + 0.731, does: "add", replica: 3 });
      return events.sort((a, b) => a.atMs - b.atMs);
    }),
  );

describe("replicas that come and go", () => {
  it("do what each would alone from its start to its end, with what was sent to it then", () => {
    let [compared, moved] = [0, 0];
    fc.assert(
      fc.property(
        workloads,
        someEvents,
        fc.array(fc.nat(11), { minLength: 30, maxLength: 30 }),
        ({ requests, options }, events, drawn) => {
          const choose = (index: number, attempt: number, ms: number) => {
            const open = [0, 1, 2, 3].filter((replica) => isOpenAt(events, 3, replica, ms));
            return open[drawn[(index + 7 * attempt) % drawn.length]! % open.length]!;
          };
          const naive = naiveFailures(requests, events, choose, 4, model, options);
          // Who comes first of those sent to one replica at one instant, by ends elsewhere, is not defined.
          const sent = naive.attempts.flat().map(({ replica, sentMs }) => `${replica} ${sentMs}`);
          const hasTies = requests.some(({ after }, i) =>
            naive.attempts[i]!.some(
              ({ replica, sentMs }) =>
                after && sent.filter((one) => one === `${replica} ${sentMs}`).length > 1,
            ),
          );
          if (hasTies) return;
          compared++;
          const times = requests.map(() => 0);
          const router: RouterPolicy = {
            name: "drawn",
            start: () => ({
              route: (request, _, nowMs) => {
                const index = requests.indexOf(request);
                return choose(index, times[index]!++, nowMs);
              },
            }),
          };
          const run = runFleet({
            requests,
            model,
            engine: options,
            replicas: 3,
            router,
            replicaEvents: events,
          });
          expect([...run.replica]).toEqual(naive.attempts.map((of) => of.at(-1)!.replica));
          requests.forEach((_, i) => {
            expect(run.fireMs[i]).toBeCloseTo(naive.attempts[i]![0]!.sentMs, 6);
            expect(run.firstTokenMs(i)).toBeCloseTo(naive.firstMs[i]!, 6);
            expect(run.lastTokenMs(i)).toBeCloseTo(naive.lastMs[i]!, 6);
          });
          const gone = run.replicaEvents!.reduce((sum, event) => sum + event.requests.length, 0);
          moved += gone;
          expect(gone).toBe(naive.attempts.reduce((sum, of) => sum + of.length - 1, 0));
        },
      ),
      { numRuns: 200 },
    );
    expect(compared).toBeGreaterThan(50);
    expect(moved).toBeGreaterThan(5);
  });

  it("serve each request once and in whole, or lose it and say so, and give back every block", () => {
    let lost = 0;
    fc.assert(
      fc.property(
        workloads,
        someEvents,
        fc.constantFrom(...Object.keys(routers)),
        fc.constantFrom("resend", "lose"),
        fc.constantFrom(undefined, 400),
        ({ requests, options }, events, router, onLoss, requestTimeoutMs) => {
          if (options.prefixReuse === "slots") return;
          const run = runFleet({
            requests,
            model,
            engine: options,
            replicas: 3,
            router,
            replicaEvents: events,
            onLoss: onLoss as "resend" | "lose",
            ...(requestTimeoutMs && { requestTimeoutMs }),
          }) as EngineRun;
          expect(run.heldBlocks).toBe(0);
          requests.forEach(({ outputTokens, after }, i) => {
            const ends = [run.lastTokenMs(i), run.lostMs?.(i), run.timedOutMs(i)].filter(
              (ms) => ms !== undefined,
            );
            expect(ends.length).toBe(1);
            if (run.lastTokenMs(i) !== undefined) expect(run.outputTokens[i]).toBe(outputTokens);
            else expect(run.outputTokens[i]).toBeLessThanOrEqual(outputTokens);
            if (run.lostMs?.(i) !== undefined) lost++;
            if (!after) return;
            const parentMs = [after.parent]
              .map((p) => run.lastTokenMs(p) ?? run.lostMs?.(p) ?? run.timedOutMs(p))
              .find((ms) => ms !== undefined)!;
            expect(run.fireMs[i]).toBeGreaterThanOrEqual(parentMs + after.gapMs);
          });
        },
      ),
      { numRuns: 300 },
    );
    expect(lost).toBeGreaterThan(4);
  });

  const contentIds = Int32Array.from({ length: 8 }, (_, block) => block);
  const every = (gapMs: number, count: number): (EngineRequest & { fireAtMs: number })[] =>
    Array.from({ length: count }, (_, i) => ({
      promptTokens: 100,
      outputTokens: 4,
      contentIds,
      fireAtMs: gapMs * i,
    }));

  it("come back cold", () => {
    const run = runFleet({
      requests: every(1000, 4),
      model,
      replicas: 1,
      replicaEvents: [{ atMs: 1500, does: "restart", replica: 0 }],
    });
    expect([...run.cachedTokens]).toEqual([0, 96, 0, 96]);
  });

  it("make requests wait while none is open, and count the wait into their TTFT", () => {
    const run = runFleet({
      requests: every(1000, 3),
      model,
      replicas: 1,
      replicaEvents: [
        { atMs: 500, does: "stop", replica: 0 },
        { atMs: 5000, does: "restart", replica: 0 },
      ],
    });
    expect([...run.fireMs]).toEqual([0, 1000, 2000]);
    expect(run.admittedMs[1]).toBeGreaterThanOrEqual(5000);
    expect(run.firstTokenMs(1)).toBeGreaterThan(5000);
    expect([...run.outputTokens]).toEqual([4, 4, 4]);
  });

  it("that are drained finish what they have", () => {
    const run = runFleet({
      requests: every(0, 4).concat(every(1000, 3)),
      model,
      replicas: 2,
      replicaEvents: [{ atMs: 1, does: "drain", replica: 1 }],
    });
    expect([...run.replica]).toEqual([0, 1, 0, 1, 0, 0, 0]);
    expect(run.replicaEvents![0]!.requests).toEqual([]);
    expect([...run.outputTokens]).toEqual([4, 4, 4, 4, 4, 4, 4]);
  });

  it("that are added take requests from then on", () => {
    const run = runFleet({
      requests: every(1000, 5),
      model,
      replicas: 1,
      replicaEvents: [{ atMs: 1500, does: "add", replica: 1 }],
    });
    expect([...run.replica]).toEqual([0, 0, 1, 0, 1]);
    expect(run.replicas).toBe(2);
  });

  it("are told of to a router, which may have to forget what they held", () => {
    const told: [number, number][] = [];
    const router: RouterPolicy = {
      name: "told",
      start: () => ({
        route: (_, replicas) => replicas.findIndex(({ isOpen }) => isOpen),
        onReplica: (replica, nowMs) => told.push([replica, nowMs]),
      }),
    };
    const replicaEvents: ReplicaEvent[] = [
      { atMs: 1500, does: "stop", replica: 0 },
      { atMs: 2500, does: "restart", replica: 0 },
    ];
    const run = runFleet({ requests: every(1000, 4), model, replicas: 2, router, replicaEvents });
    expect(told).toEqual([
      [0, 1500],
      [0, 2500],
    ]);
    expect([...run.replica]).toEqual([0, 0, 1, 0]);
  });

  it("are refused where there is no such replica, and where a router sends to a closed one", () => {
    const run =
      (replicaEvents: readonly object[], router = "round-robin" as string | (() => number)) =>
      () =>
        runFleet({
          requests: every(1000, 4),
          model,
          replicas: 2,
          router,
          replicaEvents: replicaEvents as ReplicaEvent[],
        });
    expect(run([{ atMs: 5, does: "stop", replica: 2 }])).toThrow(
      "replica event: stop of replica 2 at 5 ms: there are replicas 0 to 1 then",
    );
    expect(run([{ atMs: 5, does: "add", replica: 1 }])).toThrow(/the next one to be added is 2/);
    expect(run([{ atMs: 5, does: "explode", replica: 1 }])).toThrow(
      /does must be one of stop, restart, drain, add, got "explode"/,
    );
    expect(run([{ atMs: -1, does: "stop", replica: 1 }])).toThrow(/atMs must be/);
    expect(
      run([
        { atMs: 5, does: "stop", replica: 1 },
        { atMs: 6, does: "drain", replica: 1 },
      ]),
    ).toThrow(/it has been stopped; restart it first/);
    expect(run([{ atMs: 5, does: "stop", replica: 1 }], () => 1)).toThrow(
      /route\(\) returned 1, a replica that takes no requests/,
    );
  });
});
