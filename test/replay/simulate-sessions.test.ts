import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { simulateSessions } from "../../lib/replay/index.js";
import { inferSessions, recordedSessions, scoreSessions } from "../../lib/sessions/index.js";
import { planSessions } from "../../lib/workload/index.js";

const sessions = planSessions({
  ratePerSecond: 1,
  sessions: 12,
  turns: 3,
  prefixCount: 2,
  promptTokens: 100,
  outputTokens: 20,
  thinkTimeMs: 500,
  seed: 1,
});
const options = { sessions, prefixTokens: 1000, model: latencyProfile("h200-qwen3-8b") };

describe("simulateSessions", () => {
  const { trace, run } = simulateSessions(options);

  it("serves every turn, in order of arrival, with prompts that grow by prompt and answer", () => {
    expect(trace.records).toHaveLength(36);
    const arrivals = trace.records.map(({ arrivalMs }) => arrivalMs as number);
    expect(arrivals).toEqual([...arrivals].sort((a, b) => a - b));
    expect(trace.records.map(({ turn, promptTokens }) => promptTokens - 120 * ((turn ?? 0) - 1))).toEqual(
      new Array(36).fill(1100),
    );
  });

  it("lets each turn follow the answer before it by its think time", () => {
    for (const record of trace.records) {
      if (record.turn === 1) continue;
      const before = trace.records.find(
        ({ session, turn }) => session === record.session && turn === (record.turn ?? 0) - 1,
      );
      const overMs = (before?.arrivalMs ?? 0) + (before?.elapsedMs ?? 0);
      expect(record.arrivalMs).toBeCloseTo(overMs + 500, 6);
    }
  });

  it("hits the shared prefix on all first turns but the first of each prefix, and the history on later turns", () => {
    const cached = (wanted: number) =>
      trace.records.filter(({ turn }) => turn === wanted).map(({ cachedTokens }) => cachedTokens);
    expect(cached(1).slice(0, 2)).toEqual([0, 0]);
    expect(new Set(cached(1).slice(2))).toEqual(new Set([992]));
    expect(new Set(cached(2))).toEqual(new Set([1104]));
    expect(run.prefixHitTokens).toBe(
      trace.records.reduce((sum, { cachedTokens }) => sum + (cachedTokens ?? 0), 0),
    );
  });

  it("writes hashes from which its own sessions are found again", () => {
    const truth = recordedSessions(trace);
    expect(truth && scoreSessions(inferSessions(trace), truth)).toMatchObject({ precision: 1, recall: 1 });
  });

  it("finds nothing with prefix caching off, and computes more", () => {
    const off = simulateSessions({ ...options, engine: { enablePrefixCaching: false } });
    expect(off.run.prefixHitTokens).toBe(0);
    expect(off.run.busyMs).toBeGreaterThan(run.busyMs);
  });

  it("gives the same trace for the same seed", () => {
    expect(simulateSessions(options).trace.records).toEqual(trace.records);
  });

  it("has hashes of all full blocks of prompt and answer, each in the table", () => {
    const used = new Set<number>();
    for (const { promptTokens, outputTokens, blockIds, outputBlockIds } of trace.records) {
      expect(blockIds).toHaveLength(Math.floor(promptTokens / 16));
      const full = Math.floor((promptTokens + outputTokens) / 16);
      expect(outputBlockIds).toHaveLength(full - Math.floor(promptTokens / 16));
      for (const id of [...(blockIds ?? []), ...(outputBlockIds ?? [])]) used.add(id);
    }
    expect(trace.blocks.size).toBe(used.size);
    expect(Math.max(...used)).toBe(used.size - 1);
  });

  it("shares what is in the prefix, and nothing else, whatever the order in which prefixes are used", () => {
    const turns = [{ turn: 1, newTokens: 40, outputTokens: 30, thinkMs: 0 }];
    const planned = [1, 2, 0, 1].map((prefix, k) => ({
      session: `s${k}`,
      arrivalMs: 1000 * k,
      prefix,
      turns,
    }));
    // Two full blocks, and a third that begins in the prefix.
    const { trace: small } = simulateSessions({ ...options, sessions: planned, prefixTokens: 40 });
    const chains = small.records.map((r) => [...(r.blockIds ?? []), ...(r.outputBlockIds ?? [])]);
    const shared = (a: number, b: number) => chains[a].filter((id) => chains[b].includes(id)).length;
    expect(chains.map(({ length }) => length)).toEqual([6, 6, 6, 6]);
    expect([shared(0, 3), shared(0, 1), shared(0, 2), shared(1, 2), shared(1, 3)]).toEqual([2, 0, 0, 0, 0]);
    expect(chains[0].slice(0, 2)).toEqual(chains[3].slice(0, 2));
  });

  it("draws with seed 1 unless another is given", () => {
    const seedOf = (seed?: number) =>
      simulateSessions({ ...options, ...(seed !== undefined && { seed }) }).trace.meta.extra.seed;
    expect([seedOf(), seedOf(7)]).toEqual([1, 7]);
  });

  it("refuses a negative prefix", () => {
    expect(() => simulateSessions({ ...options, prefixTokens: -1 })).toThrow(InputError);
  });
});
