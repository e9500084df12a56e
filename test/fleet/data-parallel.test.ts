import { describe, expect, it } from "vitest";
import { dataParallelBalancing, type ReplicaView } from "../../lib/fleet/index.js";
import { capturedEngine, replay, replayConditions } from "../../lib/replay/index.js";
import { sessionsOf } from "../../lib/sessions/index.js";
import { dataParallel, type Trace } from "../../lib/trace/index.js";
import { everyCost as model } from "../engine/linear-model.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";

const view = (waiting: number, running: number): ReplicaView => ({
  index: 0,
  isOpen: true,
  inFlight: waiting + running,
  inFlightPromptTokens: 0,
  pendingPromptTokens: 0,
  waiting,
  running,
  freeBlocks: 10,
  capacityBlocks: 10,
  cachedTokens: () => 0,
});

function servedBy(ranks: number, isExpertParallel: boolean): Trace {
  const { trace } = multiturnTrace({
    sessions: 12,
    turns: 3,
    prefixTokens: 64,
    promptTokens: 64,
    outputTokens: 32,
    betweenSessionsMs: 20,
  });
  return {
    ...trace,
    meta: {
      ...trace.meta,
      engine: { maxNumSeqs: 4, maxNumBatchedTokens: 512, kvCacheBlocks: 400, blockSize: 16 },
      extra: { data_parallel_size: ranks, ...(isExpertParallel && { expert_parallel: true }) },
    },
  };
}

describe("dataParallelBalancing", () => {
  it("counts a waiting request as four that run, as vLLM does, and takes the first of equals", () => {
    const { route } = dataParallelBalancing().start({ replicas: 3 } as never);
    const to = (...views: ReplicaView[]) => route({} as never, views, 0);
    expect(to(view(1, 0), view(0, 3), view(0, 5))).toBe(1);
    expect(to(view(1, 0), view(0, 5), view(0, 6))).toBe(0);
    expect(to(view(0, 2), view(0, 2), view(0, 2))).toBe(0);
  });
});

describe("data-parallel ranks", () => {
  it("are told by the trace, one where it tells none", () => {
    expect(dataParallel({ extra: {} })).toEqual({ ranks: 1, isLockstep: false });
    expect(dataParallel({ extra: { data_parallel_size: 1, expert_parallel: true } })).toEqual({
      ranks: 1,
      isLockstep: false,
    });
    expect(dataParallel({ extra: { data_parallel_size: 2 } })).toEqual({ ranks: 2, isLockstep: false });
    expect(dataParallel({ extra: { data_parallel_size: 2, expert_parallel: true } }).isLockstep).toBe(true);
  });

  it("that are engines of their own are as many replicas, with vLLM's balancing", () => {
    const trace = servedBy(2, false);
    const workload = { trace, sessions: sessionsOf(trace) };
    const conditions = replayConditions(workload, { model });
    expect(conditions).toMatchObject({ replicas: 2, router: "data-parallel" });
    expect(conditions.engine.settings).toMatchObject({ maxNumSeqs: 4, maxNumBatchedTokens: 512 });
    const { run } = replay(workload, { model });
    expect(new Set(run.replica)).toEqual(new Set([0, 1]));
    expect(replayConditions(workload, { model, replicas: 1 }).replicas).toBe(1);
  });

  it("that make their steps together are one engine with the seats, budget and blocks of all, and the replay says so", () => {
    const trace = servedBy(2, true);
    expect(capturedEngine(trace.meta)).toMatchObject({
      maxNumSeqs: 8,
      maxNumBatchedTokens: 1024,
      kvCacheBlocks: 800,
      longPrefillTokenThreshold: 512,
    });
    const result = replay({ trace, sessions: sessionsOf(trace) }, { model });
    expect(result.conditions).toMatchObject({ replicas: 1, ranksAsOne: 2 });
    const twice = replayConditions({ trace }, { model, replicas: 2 });
    expect(twice).toMatchObject({ replicas: 2, router: "round-robin" });
    expect(result.plan.assumptions.join()).toMatch(/2 data-parallel ranks .* modeled as one engine/);
  });
});
