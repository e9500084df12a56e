import { describe, expect, it } from "vitest";
import { latencyProfile } from "../../lib/latency/index.js";
import {
  loadOverTime,
  prefillRows,
  prefillStageNames,
  prefillStages,
  type ReplayPrefill,
  replay,
  replicaRows,
} from "../../lib/replay/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { linearModel } from "../engine/linear-model.js";
import { multiturnTrace } from "./multiturn-trace.js";

const { trace } = multiturnTrace({
  sessions: 12,
  turns: 3,
  prefixTokens: 600,
  promptTokens: 200,
  outputTokens: 16,
});
const workload = { trace, sessions: inferSessions(trace) };
const model = latencyProfile("h200-qwen3-8b");
const prefill: ReplayPrefill = { replicas: 1 };

describe("a replay whose prefills and decodes are apart", () => {
  it("tells waits by stage, which add up to TTFT, and what was moved", () => {
    const { run, reuse, conditions } = replay(workload, { model, prefill, replicas: 2, tellsReuse: true });
    const stages = prefillStages(run)!;
    const n = trace.records.length;
    expect([stages.remote, stages.local]).toEqual([n, 0]);
    const ttftMs = trace.records.map((_, i) => run.firstTokenMs(i)! - run.fireMs[i]!);
    const mean = ttftMs.reduce((sum, ms) => sum + ms, 0) / n;
    const parts = prefillStageNames.map((name) => stages.stagesMs![name]);
    expect(parts.reduce((sum, part) => sum + part.mean, 0)).toBeCloseTo(mean, 6);
    for (const { p50, p90, p99 } of parts) {
      expect(p50).toBeLessThanOrEqual(p90);
      expect(p90).toBeLessThanOrEqual(p99);
      expect(p50).toBeGreaterThanOrEqual(0);
    }
    const { blockSize } = conditions.engine.settings;
    const blocks = trace.records.reduce(
      (sum, { promptTokens }) => sum + Math.ceil(promptTokens / blockSize),
      0,
    );
    expect(stages.foundTokens + stages.movedTokens).toBe(blocks * blockSize);
    expect(stages.foundTokens).toBeGreaterThan(0);
    expect(reuse!.offeredTokens).toBeGreaterThanOrEqual(reuse!.routedTokens);
    expect(reuse!.routedTokens).toBeGreaterThanOrEqual(reuse!.deliveredTokens);
    expect(reuse!.pooledTokens).toBeUndefined();
  });

  it("has a row for each prefill engine, and one for each that decodes", () => {
    const apart = replay(workload, { model, prefill: { replicas: 3 }, replicas: 2 });
    const rows = prefillRows(apart);
    expect(rows.map(({ requests }) => requests)).toEqual([12, 12, 12]);
    expect(replicaRows(apart).map(({ requests }) => requests)).toEqual([18, 18]);
    expect(rows.reduce((sum, row) => sum + row.movedTokens, 0)).toBe(prefillStages(apart.run)!.movedTokens);
    const shares = [...rows, ...replicaRows(apart)].map(({ busyShare }) => busyShare);
    expect(shares.reduce((sum, share) => sum + share, 0) * apart.virtualMs).toBeCloseTo(apart.run.busyMs, 3);
    expect(prefillRows(replay(workload, { model }))).toEqual([]);
    expect(prefillStages(replay(workload, { model }).run)).toBeUndefined();
  });

  it("counts a request at its prefill engine, then at the one that decodes", () => {
    const { run } = replay(workload, { model, prefill });
    const [i] = [4];
    const { admittedMs, computedMs } = run.prefill!;
    const at = (load: ReturnType<typeof loadOverTime>, ms: number) => {
      const k = load.timesMs.findLastIndex((timeMs) => timeMs <= ms);
      return load.running[k]! + load.waiting[k]!;
    };
    const during = (admittedMs[i]! + computedMs[i]!) / 2;
    expect(at(loadOverTime(run, 0, "prefill"), during)).toBeGreaterThan(0);
    const totals = [0, 1].map((k) => at(loadOverTime(run, 0, k === 0 ? "prefill" : "decode"), during));
    expect(totals[0]! + totals[1]!).toBe(at(loadOverTime(run), during));
    const end = Math.max(...run.prefill!.computedMs);
    expect(at(loadOverTime(run, 0, "prefill"), end)).toBe(0);
  });

  it("runs under settings and a card of its own, and says what of the network is assumed", () => {
    const other = latencyProfile("h100-llama-3.1-8b");
    const { conditions } = replay(workload, {
      model,
      engine: { maxNumSeqs: 8 },
      prefill: {
        replicas: 2,
        model: other,
        engine: { maxNumBatchedTokens: 4096 },
        router: "least-loaded",
        transferGbps: 50,
        nonCachedTokens: 64,
      },
    });
    expect(conditions.engines).toBe(3);
    expect(conditions.prefill).toMatchObject({
      replicas: 2,
      router: "least-loaded",
      latency: other.kind,
      gbps: 50,
      nonCachedTokens: 64,
      assumed: ["latency"],
    });
    const { settings, from } = conditions.prefill!.engine;
    expect([settings.maxNumBatchedTokens, settings.maxNumSeqs]).toEqual([4096, 8]);
    expect(from.maxNumBatchedTokens).toBe("given");
    expect(conditions.engine.settings.maxNumBatchedTokens).not.toBe(4096);
    // 50 GB/s over the bytes of a token.
    expect(conditions.prefill!.link.tokensPerMs).toBeCloseTo(50e6 / model.memory!.kvBytesPerToken, 6);
  });

  it("keeps turns after the answers that they follow, with prompts that share nothing, and in a closed loop", () => {
    for (const options of [{}, { prompts: "unique" as const }, { maxInFlight: 3 }]) {
      const { run, plan } = replay(workload, { model, prefill, replicas: 2, ...options });
      plan.requests.forEach(({ after }, i) => {
        expect(run.lastTokenMs(i)).toBeGreaterThan(run.fireMs[i]!);
        if (after) expect(run.fireMs[i]).toBeCloseTo(run.lastTokenMs(after.parent)! + after.gapMs, 6);
      });
      if (options.prompts) expect(run.prefixHitTokens).toBe(0);
    }
  });

  it("spares decodes the stalls of others' prefills", () => {
    const slow = linearModel({ base: 5, prefill: 0.5, decode: 0.1, context: 0 });
    const worst = (options: object) => {
      const { trace: modeled } = replay(workload, {
        model: slow,
        engine: { kvBytesPerToken: 1024, maxNumBatchedTokens: 4096 },
        rateScale: 20,
        ...options,
      });
      return Math.max(...modeled.records.flatMap(({ itlMs }) => [...(itlMs ?? [])]));
    };
    expect(worst({ prefill })).toBeLessThan(worst({ replicas: 2 }) / 2);
  });

  it("is refused where nothing tells the bytes of a token, the network has no speed, or KV is in slots", () => {
    const bare = linearModel({ base: 1 });
    expect(() => replay(workload, { model: bare, prefill })).toThrow(
      /the network is in bytes, and nothing tells the bytes of a token/,
    );
    expect(() => replay(workload, { model, prefill: { ...prefill, transferGbps: 0 } })).toThrow(
      /transferGbps/,
    );
    expect(() => replay(workload, { model, prefill: { ...prefill, transferLatencyMs: -1 } })).toThrow(
      /transferLatencyMs/,
    );
    expect(() => replay(workload, { model, prefill, engine: { prefixReuse: "slots" } })).toThrow(
      /KV is read in vLLM's blocks, and prefixReuse is "slots"/,
    );
    expect(() => replay(workload, { model, prefill: { replicas: 0 } })).toThrow(
      /prefill: replicas must be a positive integer, got 0/,
    );
  });
});
