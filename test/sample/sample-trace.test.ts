import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { BlockPool, hitRateCurve } from "../../lib/cache/index.js";
import { poolChains, sequenceBlocks } from "../../lib/replay/index.js";
import { type SampleOptions, sampleTrace, type TraceSample } from "../../lib/sample/index.js";
import { type Workload, workloadOf } from "../../lib/sessions/index.js";
import { memoryCurve, servedInTurn } from "../../lib/size/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { generatedTrace } from "./generated-trace.js";

const sampleOf = (trace: Trace, options: SampleOptions): TraceSample =>
  sampleTrace(workloadOf(trace), options);

/** Blocks of a prompt that can be found: all full ones, but for that of its last token. */
const lookedUp = (promptTokens: number): number => Math.ceil(promptTokens / 16) - 1;
const promptTokensOf = ({ records }: Trace): number => records.reduce((sum, r) => sum + r.promptTokens, 0);

/** Share of the prompt tokens that one pool of one size finds, by running every request through it. */
function poolHitRate({ trace, sessions }: Workload, poolBlocks: number): number {
  const blockSize = trace.meta.blockSize as number;
  const chains = poolChains(trace, sequenceBlocks(trace, sessions.parent, blockSize), blockSize, blockSize);
  const pool = new BlockPool(poolBlocks);
  let hits = 0;
  chains.contentIds.forEach((contentIds, i) => {
    const promptBlocks = lookedUp(trace.records[i].promptTokens);
    const held: number[] = [];
    for (const content of contentIds) {
      const found = pool.find(content);
      if (found < 0) break;
      pool.acquire(found);
      held.push(found);
      if (held.length <= promptBlocks) hits++;
    }
    while (held.length < contentIds.length) {
      const block = pool.allocate();
      pool.register(block, contentIds[held.length]);
      held.push(block);
    }
    pool.release(Int32Array.from(held), held.length);
  });
  return (hits * blockSize) / promptTokensOf(trace);
}

/** Largest vertical distance of two empirical distributions, at every value of either. */
function naiveKs(a: readonly number[], b: readonly number[]): number {
  const shareUpTo = (values: readonly number[], x: number) =>
    values.filter((v) => v <= x).length / values.length;
  return Math.max(...[...a, ...b].map((x) => Math.abs(shareUpTo(a, x) - shareUpTo(b, x))));
}

function countsBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

describe("sampleTrace", () => {
  it("keeps whole records of whole sessions, in their order, and refers to none that it left out", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 29 }), (seed, sessions) => {
        const trace = generatedTrace({ sessions: 30, seed, prefixCount: 3, spawnEvery: 4 });
        const whole = workloadOf(trace);
        const sample = sampleTrace(whole, { sessions, seed });
        const { records } = sample.workload.trace;
        const position = new Map(trace.records.map((record, i) => [record.requestId, i]));
        const kept = records.map(({ requestId }) => position.get(requestId) as number);
        expect(kept).toEqual([...kept].sort((a, b) => a - b));
        expect(records).toEqual(kept.map((i) => trace.records[i]));
        const taken = new Set(kept.map((i) => whole.sessions.session[i]));
        const ofTaken = trace.records.filter((_, i) => taken.has(whole.sessions.session[i]));
        expect(records).toHaveLength(ofTaken.length);
        expect(sample.sessions).toBe(taken.size);
        expect(sample.sessions).toBeLessThanOrEqual(sessions);
        expect(sample.sessions).toBeGreaterThanOrEqual(Math.min(1, Math.floor(0.75 * sessions)));
        const ids = new Set(records.map(({ requestId }) => requestId));
        for (const { parents = [] } of records)
          for (const { requestId } of parents) expect(ids).toContain(requestId);
      }),
      { numRuns: 20 },
    );
  });

  it("has the labels that the sample's own records tell", () => {
    const trace = generatedTrace({ sessions: 60, seed: 5, prefixCount: 2, spawnEvery: 3 });
    const { workload } = sampleOf(trace, { share: 0.4 });
    const read = workloadOf(workload.trace).sessions;
    expect(workload.sessions.parent).toEqual(read.parent);
    expect(workload.sessions.session).toEqual(read.session);
    expect(workload.sessions.turn).toEqual(read.turn);
    expect(workload.sessions.waits).toEqual(read.waits);
  });

  it("of all sessions is the trace itself, at no distance", () => {
    const trace = generatedTrace({ sessions: 40, seed: 2, spawnEvery: 5 });
    const { workload, kept } = sampleOf(trace, { share: 1 });
    expect(workload.trace.records).toEqual(trace.records);
    expect(kept.curve).toMatchObject({ distance: 0, pool: { fixedBlocks: 0, share: 1 } });
    expect([kept.promptTokensKs, kept.outputTokensKs, kept.turnsKs, kept.arrivalKs]).toEqual([0, 0, 0, 0]);
  });

  it("is the same for the same seed, and another for another", () => {
    const trace = generatedTrace({ sessions: 80, seed: 3 });
    const ids = (seed: number) =>
      sampleOf(trace, { share: 0.25, seed }).workload.trace.records.map(({ requestId }) => requestId);
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
  });

  it("says in its meta line what it is a sample of, also of a sample", () => {
    const trace = generatedTrace({ sessions: 80, seed: 4 });
    const half = sampleOf(trace, { share: 0.5, seed: 7 });
    const quarter = sampleOf(half.workload.trace, { sessions: 20, contextCapTokens: 4000 });
    expect(half.workload.trace.meta.extra.sample).toMatchObject({ sessions: 40, of_sessions: 80, seed: 7 });
    expect(quarter.workload.trace.meta.extra.sample).toMatchObject({
      sessions: 20,
      of_sessions: 40,
      context_cap_tokens: 4000,
      from: half.workload.trace.meta.extra.sample,
    });
  });

  it("tells the hit rates that a block pool of each size has, of the trace and of the sample", () => {
    const trace = generatedTrace({ sessions: 200, seed: 6, prefixCount: 2 });
    const sample = sampleOf(trace, { share: 0.3 });
    const curve = sample.kept.curve!;
    const rows = curve.rows.filter(
      (row) => row.poolBlocks >= curve.runnable.poolBlocks && row.poolBlocks >= 80,
    );
    expect(rows.length).toBeGreaterThan(3);
    for (const row of rows) {
      expect(poolHitRate(workloadOf(trace), row.poolBlocks)).toBeCloseTo(row.whole, 12);
      expect(poolHitRate(sample.workload, row.samplePoolBlocks)).toBeCloseTo(row.sample, 12);
      expect(Math.abs(row.whole - row.sample)).toBeLessThanOrEqual(curve.distance + 1e-12);
    }
    const at = curve.rows.find(({ poolBlocks }) => poolBlocks === curve.atPoolBlocks)!;
    expect(Math.abs(at.whole - at.sample)).toBeCloseTo(curve.distance, 12);
  });

  it("tells the hit rates that a memory curve has of the trace and of the sample", () => {
    const generated = generatedTrace({ sessions: 120, seed: 15, prefixCount: 2 });
    // Prompts that fill their blocks: the last one is computed in any case.
    const records = generated.records.map((record) => ({
      ...record,
      promptTokens: record.promptTokens - (record.promptTokens % 16),
    }));
    const trace = { ...generated, records };
    const { kept, workload } = sampleOf(trace, { share: 0.3 });
    const [whole, part] = [workloadOf(trace), workload].map((of) => memoryCurve(servedInTurn(of)));
    for (const row of kept.curve!.rows) {
      expect(row.whole).toBeCloseTo(whole.lru(16 * row.poolBlocks), 12);
      expect(row.sample).toBeCloseTo(part.lru(16 * row.samplePoolBlocks), 12);
    }
    expect(kept.curve!.ceiling.whole).toBeCloseTo(whole.unbounded, 12);
    expect(kept.curve!.ceiling.sample).toBeCloseTo(part.unbounded, 12);
  });

  it("finds the largest difference over every size of a pool, naively searched", () => {
    const trace = generatedTrace({ sessions: 60, seed: 9, prefixCount: 2 });
    const sample = sampleOf(trace, { share: 0.3 });
    const { pool, distance } = sample.kept.curve!;
    const [whole, part] = [workloadOf(trace), sample.workload].map(({ trace: t, sessions }) => {
      const chains = poolChains(t, sequenceBlocks(t, sessions.parent, 16), 16, 16);
      const { hits, saturationBlocks } = hitRateCurve(
        t.records.map((r, i) => ({
          contentIds: chains.contentIds[i],
          promptBlocks: lookedUp(r.promptTokens),
        })),
      );
      return { saturationBlocks, rate: (size: number) => (16 * hits(size)) / promptTokensOf(t) };
    });
    let largest = 0;
    for (let size = 0; size < 3 * whole.saturationBlocks + 100 / pool.share; size++) {
      const other =
        size <= pool.fixedBlocks
          ? size
          : Math.round(pool.fixedBlocks + pool.share * (size - pool.fixedBlocks));
      largest = Math.max(largest, Math.abs(whole.rate(size) - part.rate(other)));
    }
    expect(distance).toBeCloseTo(largest, 12);
  });

  it("tells the distances of lengths, turns and arrivals as they are", () => {
    const trace = generatedTrace({ sessions: 60, seed: 8 });
    const { workload, kept } = sampleOf(trace, { share: 0.3 });
    const { records } = workload.trace;
    const of = (value: (r: Trace["records"][number]) => number) =>
      naiveKs(records.map(value), trace.records.map(value));
    expect(kept.promptTokensKs).toBeCloseTo(
      of((r) => r.promptTokens),
      12,
    );
    expect(kept.outputTokensKs).toBeCloseTo(
      of((r) => r.outputTokens),
      12,
    );
    expect(kept.arrivalKs).toBeCloseTo(
      of((r) => r.arrivalMs as number),
      12,
    );
    const turns = (rows: readonly Trace["records"][number][]) =>
      Object.values(countsBy(rows.map((r) => r.session as string)));
    expect(kept.turnsKs).toBeCloseTo(naiveKs(turns(records), turns(trace.records)), 12);
  });

  it("keeps the curve of a tenth of 1,500 sessions under one system prompt within a point", () => {
    const { kept, sessions } = sampleOf(generatedTrace({ sessions: 1500, seed: 10 }), { share: 0.1 });
    expect(kept.curve!.distance).toBeLessThan(0.01);
    expect(sessions).toBe(150);
  });

  it("takes runs or stretches of sessions where many prefixes are shared by many, and comes closer", () => {
    const trace = generatedTrace({ sessions: 2500, seed: 11, prefixCount: 12 });
    const { kept, grouping } = sampleOf(trace, { share: 0.1 });
    expect(grouping.by).not.toBe("prefix");
    expect(kept.curve!.runnable.distance).toBeLessThan(0.03);
  });

  it("keeps lengths and arrivals of a trace without hashes, and says that there is no curve", () => {
    const trace = generatedTrace({ sessions: 400, seed: 12 });
    const records = trace.records.map(({ blockIds: _, ...record }) => record);
    const { kept, sessions } = sampleOf({ ...trace, records }, { share: 0.25 });
    expect(sessions).toBe(100);
    expect(kept.curve).toBeUndefined();
    expect(kept.promptTokensKs).toBeLessThan(0.05);
  });

  it("says nothing of arrivals that are not recorded", () => {
    const trace = generatedTrace({ sessions: 50, seed: 13 });
    const records = trace.records.map(({ arrivalMs: _, ...record }) => record);
    expect(sampleOf({ ...trace, records }, { share: 0.5 }).kept.arrivalKs).toBeUndefined();
  });

  it.each([
    [{ share: 0 }, "share must be above 0"],
    [{ share: 1.5 }, "share must be a number from 0 to 1, got 1.5"],
    [{ share: Number.NaN }, "share must be"],
    [{ sessions: 0 }, "sessions must be a positive integer, got 0"],
    [{ sessions: 41 }, "sessions is 41, but there are only 40: ask for fewer"],
    [{ sessions: 3, share: 0.5 }, "sessions or share, not both"],
    [{ contextCapTokens: 1.5 }, "contextCapTokens must be a positive integer"],
    [{ contextCapTokens: 10 }, "no request fits contextCapTokens (10): the shortest has"],
  ])("refuses %j", (options, message) => {
    const trace = generatedTrace({ sessions: 40, seed: 14 });
    expect(() => sampleOf(trace, options)).toThrow(InputError);
    expect(() => sampleOf(trace, options)).toThrow(message);
  });
});
