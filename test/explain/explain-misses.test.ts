import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { explainMisses, type MissExplanation, missCauses } from "../../lib/explain/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { replay } from "../../lib/replay/index.js";
import { type Workload, workloadOf } from "../../lib/sessions/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

const model = latencyProfile("h200-qwen3-8b");
const blockSize = 16;

/** A trace of prompts that are chains of letters: equal prefixes are equal blocks. */
function traceOf(
  rows: readonly (Partial<TraceRecord> & { readonly chain: string; readonly tail?: number })[],
): Trace {
  const blocks = new BlockTable();
  const ids = new Map<string, number>();
  const records = rows.map(({ chain, tail = 0, ...record }, i): TraceRecord => {
    const chainIds = Array.from(chain, (_, k) => {
      const prefix = chain.slice(0, k + 1);
      let id = ids.get(prefix);
      if (id === undefined) {
        const one = new Int32Array(1);
        blocks.internChain(Uint32Array.of(7), Uint32Array.of(ids.size + 1), one);
        id = one[0];
        ids.set(prefix, id);
      }
      return id;
    });
    return {
      promptTokens: chain.length * blockSize + tail,
      outputTokens: 1,
      arrivalMs: 10_000 * i,
      ttftMs: 100,
      itlMs: new Float64Array(0),
      elapsedMs: 100,
      finishReason: "stop",
      blockIds: Int32Array.from(chainIds),
      ...record,
    };
  });
  return { meta: { blockSize, extra: {} }, records, blocks, rejected: [], warnings: [] };
}

const engine = { blockSize, kvCacheBlocks: 1_000 };
const partsOf = (explanation: MissExplanation, index: number) =>
  explanation.requests[index].parts.map(({ cause, fromToken, tokens }) => [cause, fromToken, tokens]);
const alone = (trace: Trace): Workload => ({
  trace,
  sessions: {
    parent: new Int32Array(trace.records.length).fill(-1),
    turn: new Int32Array(trace.records.length).fill(1),
    session: Int32Array.from(trace.records, (_, i) => i),
  },
});

describe("a cause for every token", () => {
  it("first use, the block tail, and nothing for what was found", () => {
    const trace = traceOf([
      { chain: "abcd", tail: 5, cachedTokens: 0 },
      { chain: "abxy", tail: 5, cachedTokens: 32 },
      { chain: "abcd", cachedTokens: 48 },
    ]);
    const explained = explainMisses(alone(trace), { engine });
    expect(partsOf(explained, 0)).toEqual([
      ["first_use", 0, 64],
      ["block_tail", 64, 5],
    ]);
    expect(partsOf(explained, 1)).toEqual([
      ["first_use", 32, 32],
      ["block_tail", 64, 5],
    ]);
    expect(partsOf(explained, 2)).toEqual([["block_tail", 48, 16]]);
  });

  it("diverged, where the turn before goes on in another form: as long as that one is, the rest is new", () => {
    const trace = traceOf([
      { chain: "abcd", cachedTokens: 0 },
      { chain: "axyzuvw", tail: 3, cachedTokens: 16 },
    ]);
    const workload = {
      ...alone(trace),
      sessions: { ...alone(trace).sessions, parent: Int32Array.of(-1, 0) },
    };
    const explained = explainMisses(workload, { engine });
    expect(partsOf(explained, 1)).toEqual([
      ["diverged", 16, 48],
      ["first_use", 64, 48],
      ["block_tail", 112, 3],
    ]);
    expect(explained.requests[1].parts[0].from).toBe(0);
  });

  it("not ready, where another request was computing the prefix", () => {
    const trace = traceOf([
      { chain: "abcd", cachedTokens: 0 },
      { chain: "abcd", tail: 1, arrivalMs: 50, cachedTokens: 0 },
    ]);
    expect(partsOf(explainMisses(alone(trace), { engine }), 1)).toEqual([
      ["not_ready", 0, 64],
      ["block_tail", 64, 1],
    ]);
  });

  it("not ready, where one that had left was being computed again", () => {
    const trace = traceOf([
      { chain: "abcd", tail: 1, cachedTokens: 0 },
      { chain: "efgh", tail: 1, cachedTokens: 0 },
      { chain: "abcd", tail: 1, cachedTokens: 0 },
      { chain: "abcd", tail: 1, arrivalMs: 20_010, cachedTokens: 0 },
    ]);
    const explained = explainMisses(alone(trace), { engine: { ...engine, kvCacheBlocks: 5 } });
    expect(explained.requests.slice(2).map(({ parts }) => parts[0].cause)).toEqual(["evicted", "not_ready"]);
  });

  it("first use for the one that computed a prefix, though another that found it was sent before", () => {
    const trace = traceOf([
      { chain: "abcd", tail: 1, cachedTokens: 64 },
      { chain: "abcd", tail: 1, arrivalMs: 1, cachedTokens: 0 },
    ]);
    expect(partsOf(explainMisses(alone(trace), { engine }), 1)[0]).toEqual(["first_use", 0, 64]);
  });

  it("evicted, with the blocks that were short and the time that it lay idle", () => {
    const trace = traceOf([
      { chain: "abcd", tail: 1, cachedTokens: 0 },
      { chain: "efgh", tail: 1, cachedTokens: 0 },
      { chain: "abcd", tail: 1, cachedTokens: 32 },
    ]);
    const explained = explainMisses(alone(trace), { engine: { ...engine, kvCacheBlocks: 7 } });
    expect(explained.requests[2].parts[0]).toEqual({
      cause: "evicted",
      fromToken: 32,
      tokens: 32,
      blocksShort: 2,
      idleMs: 19_900,
    });
  });

  it("off, where prefix caching was, and only for what had been sent", () => {
    const trace = traceOf([
      { chain: "abcd", tail: 1, cachedTokens: 0 },
      { chain: "abxy", tail: 1, cachedTokens: 0 },
    ]);
    const explained = explainMisses(alone(trace), { engine: { ...engine, enablePrefixCaching: false } });
    expect(partsOf(explained, 1)).toEqual([
      ["off", 0, 32],
      ["first_use", 32, 32],
      ["block_tail", 64, 1],
    ]);
  });

  it("reset, where everything from before a moment was lost, and what was used since is found", () => {
    const trace = traceOf([
      { chain: "abc", tail: 1, cachedTokens: 0 },
      { chain: "abc", tail: 1, cachedTokens: 48 },
      { chain: "xyz", tail: 1, cachedTokens: 0 },
      { chain: "abc", tail: 1, cachedTokens: 0 },
      { chain: "xyz", tail: 1, cachedTokens: 0 },
      { chain: "abc", tail: 1, cachedTokens: 48 },
    ]);
    const explained = explainMisses(alone(trace), { engine });
    expect(explained.causes.reset).toEqual({ tokens: 96, requests: 2 });
    expect(explained.resetsMs).toHaveLength(1);
    expect(explained.resetsMs[0]).toBeGreaterThanOrEqual(20_100);
    expect(explained.resetsMs[0]).toBeLessThanOrEqual(30_000);
  });

  it("unexplained, where a hit shows that nothing was lost in the meantime", () => {
    const trace = traceOf([
      { chain: "xyz", tail: 1, cachedTokens: 0 },
      { chain: "abc", tail: 1, cachedTokens: 0 },
      { chain: "abc", tail: 1, cachedTokens: 0 },
      { chain: "xyz", tail: 1, cachedTokens: 48 },
    ]);
    expect(explainMisses(alone(trace), { engine }).causes.unexplained).toEqual({ tokens: 48, requests: 1 });
  });

  it("not known, where a row has no hashes, and none at all for one that does not tell what was found", () => {
    const trace = traceOf([
      { chain: "abc", cachedTokens: 0 },
      { chain: "abc", cachedTokens: 16 },
      { chain: "abc" },
    ]);
    const { blockIds: _hashes, ...bare } = trace.records[1];
    const explained = explainMisses(
      alone({ ...trace, records: [trace.records[0], bare, trace.records[2]] }),
      { engine },
    );
    expect(partsOf(explained, 1)).toEqual([["not_known", 16, 32]]);
    expect(explained.untold).toBe(1);
    expect(() => explainMisses(alone(traceOf([{ chain: "abc" }])))).toThrow(/does not tell what was found/);
  });
});

describe("a prefix that another request is computing", () => {
  const chain = "abcdefghijklmnopqrstuvwxyz0123456789";
  const two = traceOf([
    { chain, tail: 1, arrivalMs: 0 },
    { chain, tail: 1, arrivalMs: 0 },
  ]);
  const explainedAt = (more: object) => {
    const run = replay(alone(two), { model, engine: { ...engine, ...more }, pacing: "open-loop" });
    const explained = explainMisses(run, {
      engine: run.conditions.engine.settings,
      admittedMs: run.run.admittedMs,
    });
    return { explained, found: run.trace.records.map(({ cachedTokens }) => cachedTokens) };
  };

  it("is found on vLLM, whose blocks are findable from the step on that is to compute them: nothing is not ready", () => {
    for (const more of [{}, { maxNumBatchedTokens: 128 }]) {
      const { explained, found } = explainedAt(more);
      expect(found).toEqual([0, chain.length * blockSize]);
      expect(explained.causes.not_ready.tokens).toBe(0);
    }
  });

  it("is not ready as far as no step has been given it: where long prefills are cut, and others go on beside them", () => {
    const { explained, found } = explainedAt({ maxNumBatchedTokens: 512, longPrefillTokenThreshold: 64 });
    expect(found).toEqual([0, 64]);
    expect(partsOf(explained, 1)).toEqual([
      ["not_ready", 64, (chain.length - 4) * blockSize],
      ["block_tail", chain.length * blockSize, 1],
    ]);
  });
});

/** Sessions that grow and part, over a few shared beginnings, some of them at once. */
function randomTrace(seed: number, apartMs: number, requests = 40): Trace {
  const random = stream(seed, "explain test");
  const chains: string[] = ["", "s", "st"];
  return traceOf(
    Array.from({ length: requests }, (_, i) => {
      const from = chains[random.integer(chains.length)];
      const kept = from.slice(0, Math.ceil(random.uniform() * from.length));
      const added = Array.from({ length: 1 + random.integer(6) }, () =>
        String.fromCharCode(97 + random.integer(26)),
      );
      const chain = kept + added.join("");
      chains.push(chain);
      return { chain, tail: random.integer(blockSize), arrivalMs: i * apartMs };
    }),
  );
}

describe("on any workload", () => {
  it("causes add up to what was computed, and leave nothing unexplained that the simulated engine did", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(1, 20, 1_000),
        fc.integer({ min: 12, max: 60 }),
        fc.constantFrom(0, 32),
        (seed, apartMs, pool, longPrefillTokenThreshold) => {
          const workload = workloadOf(randomTrace(seed, apartMs));
          const run = replay(workload, {
            model,
            engine: { ...engine, kvCacheBlocks: pool, longPrefillTokenThreshold },
            pacing: "open-loop",
          });
          const explained = explainMisses(run, {
            engine: run.conditions.engine.settings,
            admittedMs: run.run.admittedMs,
          });
          const total = missCauses.reduce((sum, cause) => sum + explained.causes[cause].tokens, 0);
          expect(total).toBe(explained.promptTokens - explained.cachedTokens);
          for (const { parts, promptTokens, cachedTokens } of explained.requests) {
            expect(parts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(promptTokens - cachedTokens);
            let at = cachedTokens;
            for (const part of parts) {
              expect(part.fromToken).toBe(at);
              at += part.tokens;
            }
          }
          expect(explained.causes.unexplained.tokens + explained.causes.reset.tokens).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("with so many blocks more the evicted ones would have been found, and with one less not", () => {
    let checked = 0;
    for (let seed = 1; checked < 1_000; seed++) {
      const workload = workloadOf(randomTrace(seed, 60_000));
      const replayed = (kvCacheBlocks: number) =>
        replay(workload, { model, engine: { ...engine, kvCacheBlocks }, pacing: "open-loop", gaps: false });
      // Larger than any request, so that none is refused.
      const poolBlocks =
        Math.max(
          ...workload.trace.records.map(({ promptTokens }) => Math.ceil((promptTokens + 1) / blockSize)),
        ) +
        (seed % 12);
      const run = replayed(poolBlocks);
      const explained = explainMisses(run, {
        engine: run.conditions.engine.settings,
        admittedMs: run.run.admittedMs,
      });
      for (const { index, parts } of explained.requests) {
        for (const { cause, blocksShort = 0, fromToken, tokens } of parts) {
          if (cause !== "evicted") continue;
          checked++;
          const found = (more: number) =>
            replayed(poolBlocks + more).trace.records[index].cachedTokens as number;
          expect(found(blocksShort), `seed ${seed}, request ${index}`).toBeGreaterThanOrEqual(
            fromToken + tokens,
          );
          expect(found(blocksShort - 1), `seed ${seed}, request ${index}`).toBeLessThan(fromToken + tokens);
        }
      }
    }
  });
});

describe("on replicas", () => {
  it("elsewhere, what another replica had and its own had never seen; each pool evicts by itself", () => {
    const trace = traceOf([
      { chain: "abcd", tail: 1, replica: "0", cachedTokens: 0 },
      { chain: "abcdef", tail: 1, replica: "1", cachedTokens: 0 },
      { chain: "abcdefgh", tail: 1, replica: "0", cachedTokens: 64 },
      { chain: "mnop", tail: 1, replica: "1", cachedTokens: 0 },
      { chain: "abcd", tail: 1, replica: "1", cachedTokens: 32 },
    ]);
    const explained = explainMisses(alone(trace), { engine: { ...engine, kvCacheBlocks: 7 } });
    expect(partsOf(explained, 1)).toEqual([
      ["elsewhere", 0, 64],
      ["first_use", 64, 32],
      ["block_tail", 96, 1],
    ]);
    expect(partsOf(explained, 2)).toEqual([
      ["elsewhere", 64, 32],
      ["first_use", 96, 32],
      ["block_tail", 128, 1],
    ]);
    expect(explained.requests[4].parts[0]).toMatchObject({ cause: "evicted", blocksShort: 2 });
  });

  it("off, where nothing would have been found on the other either", () => {
    const trace = traceOf([
      { chain: "ab", tail: 1, replica: "0", cachedTokens: 0 },
      { chain: "ab", tail: 1, replica: "1", cachedTokens: 0 },
    ]);
    const explained = explainMisses(alone(trace), { engine: { ...engine, enablePrefixCaching: false } });
    expect(partsOf(explained, 1)[0]).toEqual(["off", 0, 32]);
  });

  it("a replica's misses are those that it would have alone, but for what is elsewhere", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 12, max: 40 }), (seed, kvCacheBlocks) => {
        const { run, trace, sessions } = replay(alone(randomTrace(seed, 20)), {
          model,
          engine: { ...engine, kvCacheBlocks },
          pacing: "open-loop",
          replicas: 2,
        });
        const whole = explainMisses(
          { trace, sessions },
          { engine: { ...engine, kvCacheBlocks }, admittedMs: run.admittedMs },
        );
        for (const replica of ["0", "1"]) {
          const own = trace.records.flatMap((record, i) => (record.replica === replica ? [i] : []));
          const part = explainMisses(alone({ ...trace, records: own.map((i) => trace.records[i]) }), {
            engine: { ...engine, kvCacheBlocks },
            admittedMs: own.map((i) => run.admittedMs[i]),
          });
          const lost = ({ requests }: MissExplanation, at: number) =>
            requests
              .find(({ index }) => index === at)
              ?.parts.filter(({ cause }) => cause === "evicted" || cause === "not_ready");
          own.forEach((i, k) => {
            expect(lost(whole, i), `seed ${seed}`).toEqual(lost(part, k));
          });
        }
        expect(whole.causes.unexplained.tokens).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it("elsewhere is what a run lost to its routing, where requests come far apart", () => {
    let elsewhere = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const { run, trace, sessions, reuse } = replay(alone(randomTrace(seed, 10_000)), {
        model,
        engine: { ...engine, kvCacheBlocks: 30 },
        pacing: "open-loop",
        replicas: 3,
        tellsReuse: true,
      });
      const { causes } = explainMisses(
        { trace, sessions },
        { engine: { ...engine, kvCacheBlocks: 30 }, admittedMs: run.admittedMs },
      );
      expect(causes.elsewhere.tokens, `seed ${seed}`).toBe(
        (reuse?.offeredTokens ?? 0) - (reuse?.routedTokens ?? 0),
      );
      elsewhere += causes.elsewhere.tokens;
    }
    expect(elsewhere).toBeGreaterThan(0);
  });
});
