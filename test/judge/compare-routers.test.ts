import { describe, expect, it } from "vitest";
import { compareRouters } from "../../lib/judge/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { loadImbalance, replay } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { clusterBootstrap, quantileDifference } from "../../lib/survival/index.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";

const model = latencyProfile("h200-qwen3-8b");
const shape = { sessions: 24, turns: 5, prefixTokens: 640, promptTokens: 400, outputTokens: 20 };
const workload = workloadOf(multiturnTrace({ ...shape, betweenSessionsMs: 40 }).trace);
const engine = { kvCacheBlocks: 400, maxNumSeqs: 4 };
const options = { model, engine, replicas: 3, replicates: 200 };

describe("routers compared", () => {
  const { outcomes, sessions } = compareRouters(workload, {
    ...options,
    routers: ["round-robin", "sticky", "least-loaded"],
  });
  const [first, sticky] = outcomes;

  it("are replays of the same workload, each under its router", () => {
    expect(outcomes.map(({ router }) => router)).toEqual(["round-robin", "sticky", "least-loaded"]);
    expect(sessions).toBe(24);
    for (const { router, replay: one, shares } of outcomes) {
      const alone = replay(workload, { model, engine, replicas: 3, router, gaps: false });
      expect([...one.run.replica]).toEqual([...alone.run.replica]);
      const cached = one.trace.records.reduce((sum, record) => sum + (record.cachedTokens ?? 0), 0);
      const prompt = one.trace.records.reduce((sum, record) => sum + record.promptTokens, 0);
      expect(shares.delivered.estimate).toBeCloseTo(cached / prompt, 12);
      const { offered, routed, delivered, lostToRouting, lostToEviction } = shares;
      expect((delivered.estimate ?? 0) + (lostToEviction.estimate ?? 0)).toBeCloseTo(
        routed.estimate ?? 0,
        12,
      );
      expect((routed.estimate ?? 0) + (lostToRouting.estimate ?? 0)).toBeCloseTo(offered.estimate ?? 0, 12);
    }
  });

  it("have intervals of the judged bootstrap over sessions, and the same draws for every router", () => {
    const { records } = sticky.replay.trace;
    const shareOf = (of: typeof records) => (rows: Int32Array) => {
      let [cached, prompt] = [0, 0];
      for (const row of rows) {
        cached += of[row].cachedTokens ?? 0;
        prompt += of[row].promptTokens;
      }
      return cached / prompt;
    };
    const { session } = workload.sessions;
    const own = clusterBootstrap(session, shareOf(records), { replicates: 200 });
    expect(sticky.shares.delivered.lower).toBeCloseTo(own.lower as number, 12);
    expect(sticky.shares.delivered.upper).toBeCloseTo(own.upper as number, 12);
    const before = first.replay.trace.records;
    const less = clusterBootstrap(session, (rows) => shareOf(records)(rows) - shareOf(before)(rows), {
      replicates: 200,
    });
    expect(sticky.lessFirst?.delivered.lower).toBeCloseTo(less.lower as number, 12);
    // A session pairs with itself: what sessions differ by among themselves is in neither.
    expect((less.upper as number) - (less.lower as number)).toBeGreaterThan(0);
  });

  it("have paired differences of TTFT, none against itself", () => {
    const sample = ({ replay: one }: (typeof outcomes)[number]) => ({
      times: one.trace.records.map(({ ttftMs }) => ttftMs as number),
      clusters: workload.sessions.session,
    });
    expect(sticky.lessFirst?.ttftMs.p50).toEqual(
      quantileDifference(sample(sticky), sample(first), 0.5, { paired: true }),
    );
    expect(first.lessFirst).toBeUndefined();
  });

  it("with a router that is the first one under another name, the difference is 0 and its interval too", () => {
    const again = compareRouters(workload, {
      ...options,
      routers: [
        "round-robin",
        {
          name: "again",
          start: ({ replicas }) => ({
            route: (
              (next) => () =>
                next++ % replicas.length
            )(0),
          }),
        },
      ],
    }).outcomes[1].lessFirst;
    expect([again?.delivered.lower, again?.delivered.estimate, again?.delivered.upper]).toEqual([0, 0, 0]);
    expect(again?.ttftMs.p50.estimate).toBe(0);
  });

  it("refuses none, one given twice, and one that there is not", () => {
    expect(() => compareRouters(workload, { ...options, routers: [] })).toThrow("at least one");
    expect(() => compareRouters(workload, { ...options, routers: ["sticky", "sticky"] })).toThrow("twice");
    expect(() => compareRouters(workload, { ...options, routers: ["nearest"] })).toThrow("nearest");
  });

  it("load over time: the area under the mean is the time that requests spend at replicas", () => {
    const { run } = sticky.replay;
    const load = loadImbalance(run, 50);
    const spanMs = run.endMs / 50;
    const area = load.mean.reduce((sum, mean) => sum + mean * spanMs * 3, 0);
    let spentMs = 0;
    for (let i = 0; i < run.requests; i++) spentMs += (run.leftMs(i) as number) - run.fireMs[i];
    expect(area).toBeCloseTo(spentMs, 3);
    load.mean.forEach((mean, span) => {
      expect(load.most[span]).toBeGreaterThanOrEqual(mean - 1e-9);
      expect(load.fewest[span]).toBeLessThanOrEqual(mean + 1e-9);
    });
  });
});
