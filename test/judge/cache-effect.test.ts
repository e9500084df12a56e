import { describe, expect, it } from "vitest";
import { cacheEffect } from "../../lib/judge/index.js";
import { capturedEngine, replay } from "../../lib/replay/index.js";
import { inferSessions, workloadOf } from "../../lib/sessions/index.js";
import { linearModel } from "../engine/linear-model.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";

const model = linearModel({ base: 4, prefill: 0.2, depth: 0.0001, decode: 0.5, arrival: 1, emission: 1 });
const shape = { sessions: 12, turns: 4, prefixTokens: 400, promptTokens: 30, outputTokens: 20 };
const { trace } = multiturnTrace(shape);
const sessions = inferSessions(trace);
const cold = replay({ trace, sessions }, { model, engine: { enablePrefixCaching: false } }).trace;

describe("cacheEffect", () => {
  it("replays a warm capture with the cache on and off, and pairs a cold capture by session and turn", () => {
    const shuffled = { ...cold, records: [...cold.records].sort((a, b) => b.ttftMs! - a.ttftMs!) };
    const effect = cacheEffect(workloadOf(trace), { capturedOff: shuffled, model });
    expect(effect.series.map((s) => `${s.kind} ${s.cache}`)).toEqual([
      "captured on",
      "modeled on",
      "captured off",
      "modeled off",
    ]);
    expect(effect.off!.cells.length).toBeGreaterThan(20);
    for (const cell of effect.off!.cells) expect(cell.error).toBeCloseTo(0, 9);
    const [captured, on, off, modeledOff] = effect.series;
    expect(captured!.trace).toBe(trace);
    // Records that were put in order have the sessions of those whose order they are in.
    for (const { sessions: labels } of effect.series)
      expect([...labels.session]).toEqual([...sessions.session]);
    expect(off!.trace.records.map((r) => r.ttftMs)).toEqual(modeledOff!.trace.records.map((r) => r.ttftMs));
    expect(modeledOff!.replay!.trace.records.every((r) => r.cachedTokens === 0)).toBe(true);
    expect(on!.replay!.trace.records.some((r) => r.cachedTokens! > 0)).toBe(true);
    expect(on!.replay!.plan.pacing).toBe("session");
    expect(effect.on!.cells.length).toBeGreaterThan(20);
  });

  it("judges a capture with the cache off by the replay of its kind", () => {
    const off = {
      ...cold,
      meta: { ...cold.meta, engine: { ...cold.meta.engine, enablePrefixCaching: false } },
    };
    const effect = cacheEffect(workloadOf(off), { model });
    expect(effect.series.map((s) => `${s.kind} ${s.cache}`)).toEqual([
      "captured off",
      "modeled on",
      "modeled off",
    ]);
    expect(effect.on).toBeUndefined();
    for (const cell of effect.off!.cells) expect(cell.error).toBeCloseTo(0, 9);
    expect(() => cacheEffect(workloadOf(off), { model, capturedOff: cold })).toThrow(/had its cache off/);
  });

  it("refuses a capture without hashes", () => {
    const bare = { ...trace, records: trace.records.map(({ blockIds: _, outputBlockIds: __, ...r }) => r) };
    expect(() => cacheEffect(workloadOf(bare), { model })).toThrow(/block_hashes/);
  });

  it("takes a capture in which some requests have no hashes", () => {
    const records = trace.records.map((r, i) => {
      const { blockIds: _, outputBlockIds: __, ...bare } = r;
      return i === 3 ? bare : r;
    });
    expect(cacheEffect(workloadOf({ ...trace, records }), { model }).series).toHaveLength(3);
  });

  it("judges nothing against a cold capture of other requests, but shows it with its own sessions", () => {
    const other = multiturnTrace({ ...shape, sessions: 5 }).trace;
    const effect = cacheEffect(workloadOf(trace), { capturedOff: other, model });
    expect(effect.off).toBeUndefined();
    const shown = effect.series[2]!;
    expect([shown.kind, shown.cache, shown.trace]).toEqual(["captured", "off", other]);
    expect([...shown.sessions.session]).toEqual([...inferSessions(other).session]);
  });

  it("has three curves without a cold capture, under the engine's captured settings or the given ones", () => {
    const effect = cacheEffect(workloadOf(trace), { model, engine: { kvCacheBlocks: 300 }, seed: 4 });
    expect(effect.series.map((s) => `${s.kind} ${s.cache}`)).toEqual([
      "captured on",
      "modeled on",
      "modeled off",
    ]);
    expect(capturedEngine(effect.series[1]!.trace.meta).kvCacheBlocks).toBe(300);
    expect(effect.series[1]!.replay!.seed).toBe(4);
    expect(cacheEffect(workloadOf(trace), { model }).series[1]!.replay!.seed).toBe(1);
  });
});
