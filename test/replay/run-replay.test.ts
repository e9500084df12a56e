import { describe, expect, it } from "vitest";
import { summarizeCohorts } from "../../lib/cohorts/index.js";
import { cacheEffect, compareTraces } from "../../lib/judge/index.js";
import { capturedEngine, durationsMs, replay } from "../../lib/replay/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { decodeMs } from "../../lib/trace/index.js";
import { linearModel } from "../engine/linear-model.js";
import { multiturnTrace } from "./multiturn-trace.js";

const model = linearModel({
  base: 4,
  prefill: 0.2,
  depth: 0.0001,
  decode: 0.5,
  context: 0.001,
  arrival: 1,
  emission: 1,
});
const { trace } = multiturnTrace({
  sessions: 12,
  turns: 4,
  prefixTokens: 400,
  promptTokens: 30,
  outputTokens: 20,
});
const sessions = inferSessions(trace);

describe("replay", () => {
  const warm = replay({ trace, sessions, model });

  it("gives a trace of the same requests in the same order, each complete", () => {
    expect(warm.trace.records).toHaveLength(trace.records.length);
    warm.trace.records.forEach((record, i) => {
      const source = trace.records[i]!;
      expect(record.promptTokens).toBe(source.promptTokens);
      expect(record.outputTokens).toBe(source.outputTokens);
      expect(record.itlMs).toHaveLength(source.outputTokens - 1);
      expect(record.finishReason).toBe("length");
      expect([record.session, record.turn]).toEqual([source.session, source.turn]);
    });
  });

  it("keeps causality: a turn arrives its think gap after its parent's modeled completion", () => {
    const durations = durationsMs(warm.run);
    sessions.parent.forEach((parent, i) => {
      if (parent < 0) return;
      const done = warm.trace.records[parent]!.arrivalMs! + durations[parent]!;
      expect(warm.trace.records[i]!.arrivalMs!).toBeCloseTo(done + 500, 6);
    });
  });

  it("tells the settings it ran under, so that the modeled trace replays as it ran", () => {
    const engine = { kvCacheBlocks: 500, maxNumSeqs: 3, enablePrefixCaching: false };
    const { trace: modeled } = replay({ trace, sessions, model, engine });
    expect(capturedEngine(modeled.meta)).toMatchObject(engine);
  });

  it("counts no refused request as in flight, and keeps no block of an answer that never came", () => {
    const big = trace.records.reduce((least, r) => Math.min(least, r.promptTokens), Number.POSITIVE_INFINITY);
    const { trace: modeled, run } = replay({
      trace,
      sessions,
      model,
      pacing: "open-loop",
      engine: { kvCacheBlocks: Math.ceil(big / 16) + 3 },
    });
    expect(run.refused.length).toBeGreaterThan(trace.records.length / 2);
    const refused = new Set(run.refused);
    modeled.records.forEach((record, i) => {
      if (refused.has(i)) {
        expect(record).toMatchObject({ finishReason: "refused", outputTokens: 0 });
        expect(record.concurrency).toBeUndefined();
        expect(record.outputBlockIds).toBeUndefined();
      } else expect(record.concurrency).toBe(1);
    });
  });

  it("replays an empty prompt with one token, and says so", () => {
    const records = trace.records.map((r, i) =>
      i === 5 ? { ...r, promptTokens: 0, blockIds: new Int32Array(0) } : r,
    );
    const emptied = { ...trace, records };
    const { plan, trace: modeled } = replay({ trace: emptied, sessions: inferSessions(emptied), model });
    expect(plan.assumptions.join()).toContain("1 requests with an empty prompt");
    expect(modeled.records[5]!.finishReason).toBe("length");
  });

  it("conserves time: TTFT and gaps add up to the duration", () => {
    const durations = durationsMs(warm.run);
    warm.trace.records.forEach((record, i) => {
      expect(record.ttftMs! + decodeMs(record)!).toBeCloseTo(durations[i]!, 6);
    });
  });

  it("hits the shared prefix on first turns and the history on later ones; with caching off, nothing", () => {
    const off = replay({ trace, sessions, model, engine: { enablePrefixCaching: false } });
    const cold = replay({ trace, sessions, model, prompts: "unique" });
    warm.trace.records.forEach((record, i) => {
      const parent = sessions.parent[i]!;
      if (parent >= 0) {
        const history = trace.records[parent]!.promptTokens + trace.records[parent]!.outputTokens;
        expect(record.cachedTokens).toBe(16 * Math.floor((history - 1) / 16));
      }
      expect(off.trace.records[i]!.cachedTokens).toBe(0);
      expect(cold.trace.records[i]!.cachedTokens).toBe(0);
    });
    const [on, without] = [warm, off].map((r) => summarizeCohorts(r.trace, sessions).turns2plus.ttftMs.p50!);
    expect(without!).toBeGreaterThan(2 * on!);
  });

  it("is the same for the same seed", () => {
    const again = replay({ trace, sessions, model });
    expect(again.trace.records).toEqual(warm.trace.records);
  });

  it("replays its own result onto itself: a modeled trace is a capture of the simulator", () => {
    const again = replay({ trace: warm.trace, sessions: inferSessions(warm.trace), model });
    warm.trace.records.forEach((record, i) => {
      expect(again.trace.records[i]!.ttftMs!).toBeCloseTo(record.ttftMs!, 6);
      expect(again.trace.records[i]!.cachedTokens).toBe(record.cachedTokens);
    });
  });

  it("gives mean and count of the gaps where the gaps themselves are not wanted", () => {
    const lean = replay({ trace, sessions, model, gaps: false });
    lean.trace.records.forEach((record, i) => {
      expect(record.itlMs).toBeUndefined();
      expect(record.itlSummary!.meanMs * record.itlSummary!.count).toBeCloseTo(
        decodeMs(warm.trace.records[i]!)!,
        6,
      );
    });
  });

  it("takes think gaps from modeled completions where the trace has no latencies, and says so", () => {
    const bare = { ...trace, records: trace.records.map(({ ttftMs: _, itlMs: __, ...r }) => r) };
    const paced = replay({ trace: bare, sessions, model });
    expect(paced.plan.assumptions[0]).toMatch(/no latencies/);
    const open = replay({ trace: bare, sessions, model, pacing: "open-loop" });
    // On an engine that keeps up, pacing by the modeled gaps gives back the recorded arrivals.
    paced.trace.records.forEach((record, i) => {
      expect(record.arrivalMs!).toBeCloseTo(open.trace.records[i]!.arrivalMs!, 0);
    });
  });

  it("reports requests outside the model's fit range", () => {
    const narrow = { ...model, range: { ...model.range, contextTokens: [0, 500] as const } };
    const share = replay({ trace, sessions, model: narrow }).extrapolated;
    const outside = trace.records.filter((r) => r.promptTokens + r.outputTokens > 500).length;
    expect(share).toBeCloseTo(outside / trace.records.length, 12);
  });
});

describe("compareTraces", () => {
  it("finds no error between a replay and itself, and every canary exact", () => {
    const one = replay({ trace, sessions, model });
    const self = compareTraces({ captured: one.trace, sessions, modeled: [one.trace, one.trace] });
    for (const cell of self.cells) expect(cell.error).toBe(0);
    expect(self.cachedTokens.exactFraction).toBe(1);
    expect(self.verdict).toBe("pass");
  });

  it("fails a replay that is a fifth too slow, by that fifth", () => {
    const one = replay({ trace, sessions, model });
    const slow = { ...one.trace, records: one.trace.records.map((r) => ({ ...r, ttftMs: 1.2 * r.ttftMs! })) };
    const comparison = compareTraces({ captured: one.trace, sessions, modeled: [slow] });
    const cell = comparison.cells.find(
      (c) => c.group === "all" && c.quantity === "ttft_ms" && c.quantile === 0.5,
    )!;
    expect(cell.error).toBeCloseTo(0.2, 9);
    expect(comparison.verdict).toBe("fail");
  });

  it("never gates on fewer than 30 values, nor on a quantile with fewer than 5 values beyond it", () => {
    const one = replay({ trace, sessions, model });
    const { cells } = compareTraces({ captured: one.trace, sessions, modeled: [one.trace] });
    for (const cell of cells.filter((c) => c.gates)) {
      expect(cell.n).toBeGreaterThanOrEqual(30);
      expect(cell.n * (1 - cell.quantile)).toBeGreaterThanOrEqual(5);
    }
    expect(cells.find((c) => c.group === "turn1" && c.quantity === "ttft_ms")!.gates).toBe(false);
  });
});

describe("cacheEffect", () => {
  it("replays a warm capture with the cache on and off, and pairs a cold capture by session and turn", () => {
    const cold = replay({ trace, sessions, model, engine: { enablePrefixCaching: false } }).trace;
    const shuffled = { ...cold, records: [...cold.records].sort((a, b) => b.ttftMs! - a.ttftMs!) };
    const effect = cacheEffect({ captured: trace, capturedOff: shuffled, model });
    expect(effect.series.map((s) => `${s.kind} ${s.cache}`)).toEqual([
      "captured on",
      "modeled on",
      "captured off",
      "modeled off",
    ]);
    for (const cell of effect.off!.cells) expect(cell.error).toBeCloseTo(0, 9);
  });

  it("refuses a capture without hashes", () => {
    const bare = { ...trace, records: trace.records.map(({ blockIds: _, outputBlockIds: __, ...r }) => r) };
    expect(() => cacheEffect({ captured: bare, model })).toThrow(/block_hashes/);
  });
});
