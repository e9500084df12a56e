import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { type EngineRequest, Followers, type Follows, simulate } from "../../lib/engine/index.js";
import { runFleet } from "../../lib/fleet/index.js";
import { latencyProfile } from "../../lib/latency/index.js";

const shape = { promptTokens: 32, outputTokens: 3, contentIds: Int32Array.of(0, 1) };
const ownIds = (i: number, blocks: number) => Int32Array.from({ length: blocks }, (_, k) => 100 * i + k);

/** Small graphs of requests: each fires at a time or follows one to three earlier ones, from their ends or starts. */
const graphs = fc
  .array(
    fc.record({
      fireAtMs: fc.double({ min: 0, max: 500, noNaN: true }),
      outputTokens: fc.integer({ min: 1, max: 40 }),
      edges: fc.array(
        fc.record({
          of: fc.nat(),
          gapMs: fc.double({ min: 0, max: 300, noNaN: true }),
          start: fc.boolean(),
        }),
        { maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((nodes) =>
    nodes.map(({ fireAtMs, outputTokens, edges }, i): EngineRequest => {
      const request = { promptTokens: 32, outputTokens, contentIds: ownIds(i, 4) };
      const [after, ...joins] = edges.map(
        ({ of, gapMs, start }): Follows => ({ parent: of % i, gapMs, ...(start && { from: "start" }) }),
      );
      if (i === 0 || !after) return { ...request, fireAtMs };
      return { ...request, after, ...(joins.length > 0 && { joins }) };
    }),
  );

describe("requests that wait for several", () => {
  const model = latencyProfile("h200-qwen3-8b");
  for (const replicas of [1, 3])
    it(`are sent at the latest of what each asks for, on ${replicas} engines`, () => {
      fc.assert(
        fc.property(graphs, (requests) => {
          const run = runFleet({ requests, model, replicas });
          requests.forEach(({ fireAtMs, after, joins = [] }, i) => {
            if (!after) {
              expect(run.fireMs[i]).toBe(fireAtMs);
              return;
            }
            const dueMs = [after, ...joins].map(
              ({ parent, gapMs, from }) =>
                (from === "start" ? (run.fireMs[parent] as number) : (run.lastTokenMs(parent) as number)) +
                gapMs,
            );
            expect(run.fireMs[i]).toBeCloseTo(Math.max(...dueMs), 6);
            expect(run.firstTokenMs(i)).toBeGreaterThan(run.fireMs[i] as number);
          });
        }),
        { numRuns: 150 },
      );
    });

  it("are never sent where one of them never ends", () => {
    const requests: EngineRequest[] = [
      { ...shape, fireAtMs: 0 },
      { ...shape, promptTokens: 320, contentIds: ownIds(1, 20), fireAtMs: 0 },
      { ...shape, after: { parent: 0, gapMs: 1 }, joins: [{ parent: 1, gapMs: 1 }] },
      { ...shape, after: { parent: 0, gapMs: 1 } },
    ];
    const run = simulate({ requests, model, engine: { kvCacheBlocks: 10 } });
    expect(Number.isNaN(run.fireMs[2])).toBe(true);
    expect(run.fireMs[3]).toBeGreaterThan(0);
  });

  it("walk a long chain of requests that each start from the one before", () => {
    const requests = Array.from(
      { length: 30_000 },
      (_, i): EngineRequest =>
        i === 0 ? { ...shape, fireAtMs: 0 } : { ...shape, after: { parent: i - 1, gapMs: 1, from: "start" } },
    );
    const sent: number[] = [];
    const followers: Followers = new Followers(requests, (index, atMs) => {
      sent.push(atMs);
      followers.sent(index, atMs);
    });
    followers.sent(0, 0);
    expect(sent.slice(0, 3)).toEqual([1, 2, 3]);
    expect(sent).toHaveLength(29_999);
  });

  it("are refused where they join without following, or join none", () => {
    const refusal = (request: EngineRequest) => () =>
      new Followers([{ ...shape, fireAtMs: 0 }, request], () => {});
    expect(refusal({ ...shape, fireAtMs: 0, joins: [{ parent: 0, gapMs: 0 }] })).toThrow("has no after");
    const after = { parent: 0, gapMs: 0 };
    for (const [joins, what] of [
      [{ parent: 2, gapMs: 0 }, "follows request 2, which is not another of the 2"],
      [{ parent: 1, gapMs: 0 }, "follows request 1"],
      [{ parent: 0, gapMs: -1 }, "gapMs -1"],
      [{ parent: 0, gapMs: Number.NaN }, "gapMs NaN"],
    ] as const) {
      expect(refusal({ ...shape, after, joins: [joins] })).toThrow(InputError);
      expect(refusal({ ...shape, after, joins: [joins] })).toThrow(what);
    }
  });
});
