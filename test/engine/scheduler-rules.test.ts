import { describe, expect, it } from "vitest";
import { type EngineOptions, type EngineRequest, simulate } from "../../lib/engine/index.js";
import { linearModel } from "./linear-model.js";

/** One token takes 1 ms to prefill, a step 1 ms more, a decode nothing: times can be counted on fingers. */
const model = linearModel({ base: 1, prefill: 1 });

/** A chain of `blocks` content ids that starts at `from`: equal numbers are equal content. */
function chain(from: number, blocks: number): Int32Array {
  return Int32Array.from({ length: blocks }, (_, i) => from + i);
}

function request(
  promptTokens: number,
  outputTokens: number,
  fire: Partial<EngineRequest>,
  contentIds = chain(1_000_000 + nextUnique(), Math.floor((promptTokens + outputTokens) / 4)),
): EngineRequest {
  return { promptTokens, outputTokens, contentIds, ...fire };
}

let unique = 0;
function nextUnique(): number {
  unique += 10_000;
  return unique;
}

function run(requests: readonly EngineRequest[], engine: Partial<EngineOptions> = {}) {
  const result = simulate({
    requests,
    model,
    engine: { blockSize: 4, kvCacheBlocks: 1000, ...engine },
    keepLoads: true,
  });
  const { endMs } = result.steps;
  return { ...result, ttftMs: requests.map((_, i) => endMs[result.firstStep[i]!]! - result.fireMs[i]!) };
}

describe("admission", () => {
  it("is first come first served: a short prompt does not overtake a long one that waits", () => {
    const { admittedMs } = run(
      [request(8, 50, { fireAtMs: 0 }), request(40, 1, { fireAtMs: 1 }), request(4, 1, { fireAtMs: 2 })],
      { maxNumSeqs: 2 },
    );
    expect(admittedMs[2]!).toBeGreaterThan(admittedMs[1]!);
  });

  it("never runs more than maxNumSeqs requests", () => {
    const requests = Array.from({ length: 6 }, () => request(4, 10, { fireAtMs: 0 }));
    const { steps } = run(requests, { maxNumSeqs: 2 });
    expect(Math.max(...steps.running!)).toBe(2);
  });

  it("admits into the step's remaining budget, in the same step as other prefills", () => {
    const { firstStep, steps } = run([request(6, 1, { fireAtMs: 0 }), request(6, 1, { fireAtMs: 0 })], {
      maxNumBatchedTokens: 16,
    });
    expect([...firstStep]).toEqual([0, 0]);
    expect(steps.prefillTokens![0]).toBe(12);
  });

  it("waits for room for the whole prompt, unless told to wait for the first chunk only", () => {
    const requests = [request(16, 20, { fireAtMs: 0 }), request(32, 1, { fireAtMs: 1 })];
    const tight = { kvCacheBlocks: 12, maxNumBatchedTokens: 16 };
    const whole = run(requests, { ...tight, reserveFullPrompt: true });
    const first = run(requests, { ...tight, reserveFullPrompt: false });
    expect(whole.admittedMs[1]!).toBeGreaterThan(first.admittedMs[1]!);
    expect(whole.preemptions).toBe(0);
  });

  it("refuses a request that can never fit, and serves the others", () => {
    const result = run([request(400, 1, { fireAtMs: 0 }), request(8, 2, { fireAtMs: 0 })], {
      kvCacheBlocks: 10,
    });
    expect(result.refused).toEqual([0]);
    expect(result.lastStep[1]).toBeGreaterThanOrEqual(0);
    expect(result.firstStep[0]).toBe(-1);
  });
});

describe("chunked prefill", () => {
  it("cuts a prompt at the budget and emits the first token with the last chunk", () => {
    const { firstStep, ttftMs, steps } = run([request(40, 1, { fireAtMs: 0 })], { maxNumBatchedTokens: 16 });
    expect(firstStep[0]).toBe(2);
    expect([...steps.prefillTokens!]).toEqual([16, 16, 8]);
    expect(ttftMs[0]).toBe(40 + 3);
  });

  it("serves running decodes first: a prefill gets what is left of the budget", () => {
    const { steps } = run([request(4, 100, { fireAtMs: 0 }), request(30, 1, { fireAtMs: 6 })], {
      maxNumBatchedTokens: 16,
    });
    expect([...steps.prefillTokens!].filter((t) => t > 0)).toEqual([4, 15, 15]);
  });

  it("stretches the gaps of concurrent decodes by the chunk that shares their step", () => {
    const { steps, firstStep } = run([request(4, 20, { fireAtMs: 0 }), request(8, 1, { fireAtMs: 10 })]);
    const gaps = Array.from(
      { length: 19 },
      (_, k) => steps.endMs[firstStep[0]! + k + 1]! - steps.endMs[firstStep[0]! + k]!,
    );
    expect(gaps.filter((g) => g === 9)).toHaveLength(1);
    expect(gaps.filter((g) => g === 1)).toHaveLength(18);
  });

  it("holds one prefill to longPrefillTokenThreshold a step when others want the engine, not when it is alone", () => {
    const long = request(40, 1, { fireAtMs: 0 });
    const alone = run([long], { longPrefillTokenThreshold: 8 });
    expect(alone.firstStep[0]).toBe(0);
    const shared = run([long, request(40, 1, { fireAtMs: 0 })], { longPrefillTokenThreshold: 8 });
    expect(shared.steps.prefillTokens![0]).toBe(16);
  });
});

describe("the prefix cache", () => {
  it("finds the longest leading run of full blocks, and not what follows a miss", () => {
    const first = chain(0, 10);
    const second = Int32Array.from([0, 1, 2, 500, 4, 5, 6, 7, 8, 9]);
    const { cachedTokens } = run([
      request(39, 1, { fireAtMs: 0 }, first),
      request(39, 1, { fireAtMs: 1000 }, second),
    ]);
    expect([...cachedTokens]).toEqual([0, 12]);
  });

  it("recomputes the last block of a fully cached, block-aligned prompt", () => {
    const { cachedTokens } = run([
      request(40, 1, { fireAtMs: 0 }, chain(0, 10)),
      request(40, 1, { fireAtMs: 1000 }, chain(0, 10)),
    ]);
    expect(cachedTokens[1]).toBe(36);
  });

  it("finds a running request's prefix, also one scheduled earlier in the same step", () => {
    const { cachedTokens, firstStep } = run([
      request(40, 20, { fireAtMs: 0 }, chain(0, 15)),
      request(40, 20, { fireAtMs: 0 }, chain(0, 15)),
    ]);
    expect(cachedTokens[1]).toBe(36);
    expect(firstStep[1]).toBe(firstStep[0]);
  });

  it("lets the next turn hit the blocks that the answer filled, but not the last token's", () => {
    const parent = request(10, 10, { fireAtMs: 0 }, chain(0, 5));
    // 20 tokens of history fill 5 blocks; the 20th token was emitted but never fed back.
    const child = request(
      30,
      1,
      { after: { parent: 0, gapMs: 5 } },
      Int32Array.from([0, 1, 2, 3, 4, 90, 91]),
    );
    expect(run([parent, child]).cachedTokens[1]).toBe(16);
    const longer = request(10, 11, { fireAtMs: 0 }, chain(0, 5));
    expect(run([longer, child]).cachedTokens[1]).toBe(20);
  });

  it("with caching off finds nothing and changes nothing else", () => {
    const requests = [
      request(39, 5, { fireAtMs: 0 }, chain(0, 11)),
      request(39, 5, { fireAtMs: 1000 }, chain(0, 11)),
    ];
    const off = run(requests, { enablePrefixCaching: false });
    const unique = run([requests[0]!, request(39, 5, { fireAtMs: 1000 })]);
    expect([...off.cachedTokens]).toEqual([0, 0]);
    expect(off.ttftMs).toEqual(unique.ttftMs);
  });

  it("evicts the least recently used chain first, and a chain's tail before its head", () => {
    const a = chain(0, 4);
    const b = chain(100, 4);
    const filler = request(24, 1, { fireAtMs: 3000 });
    const [oldA, newB] = [request(16, 1, { fireAtMs: 0 }, a), request(16, 1, { fireAtMs: 1000 }, b)];
    const probe = (contentIds: Int32Array) =>
      run([oldA, newB, filler, request(18, 1, { fireAtMs: 5000 }, contentIds)], { kvCacheBlocks: 12 })
        .cachedTokens[3];
    // 12 blocks: A and B keep 4 each, 4 are untouched; the filler's 7 take those and the 2 last... of A's 4.
    expect(probe(b)).toBe(16);
    expect(probe(a)).toBe(8);
  });
});

describe("preemption", () => {
  const requests = [request(8, 24, { fireAtMs: 0 }), request(8, 24, { fireAtMs: 0 })];
  const tight = { kvCacheBlocks: 10 };

  it("takes the last admitted request when a decode needs a block and none is left", () => {
    const { preemptions, lastStep, resumed } = run(requests, tight);
    expect(preemptions).toBeGreaterThan(0);
    expect(lastStep[0]).toBe(23);
    expect([...resumed.keys()]).toEqual([1]);
  });

  it("recomputes from the prompt and its own answer, and loses no token", () => {
    const { resumed, lastStep, firstStep, steps } = run(requests, { ...tight, enablePrefixCaching: false });
    const [[step, emittedBefore]] = resumed.get(1) as [[number, number]];
    expect(steps.prefillTokens![step]).toBe(8 + emittedBefore);
    expect(lastStep[1]! - step + 1 + emittedBefore).toBe(24);
    expect(firstStep[1]).toBe(0);
  });

  it("hits its own blocks when they survive", () => {
    const cached = run(requests, tight);
    const uncached = run(requests, { ...tight, enablePrefixCaching: false });
    expect(cached.endMs).toBeLessThan(uncached.endMs);
    expect(cached.preemptions).toBeGreaterThan(0);
    // vLLM's counters leave out what a preempted request finds again (`vllm/v1/metrics/stats.py`).
    const prompts = requests.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
    expect([cached.prefixQueryTokens, cached.prefixHitTokens]).toEqual([prompts, 0]);
  });
});

describe("pacing", () => {
  it("fires a request a gap after the client has the last token of the one before", () => {
    const withOverheads = linearModel({ base: 1, prefill: 1, arrival: 3, emission: 5 });
    const requests = [request(4, 2, { fireAtMs: 0 }), request(4, 1, { after: { parent: 0, gapMs: 7 } })];
    const { fireMs, admittedMs } = simulate({ requests, model: withOverheads, engine: { blockSize: 4 } });
    // Prefill ends at 3 + 5, the second token at 9, the client has it at 14, thinks until 21, and is heard at 24.
    expect(fireMs[1]).toBe(21);
    expect(admittedMs[1]).toBe(24);
  });

  it("never fires what follows a request that did not complete", () => {
    const result = run(
      [request(400, 1, { fireAtMs: 0 }), request(4, 1, { after: { parent: 0, gapMs: 0 } })],
      {
        kvCacheBlocks: 10,
      },
    );
    expect(result.fireMs[1]).toBeNaN();
  });

  it("refuses requests with two firing rules, with none, or with a parent that is not there", () => {
    const bad = [
      request(4, 1, {}),
      request(4, 1, { fireAtMs: 0, after: { parent: 0, gapMs: 0 } }),
      request(4, 1, { after: { parent: 7, gapMs: 0 } }),
      request(4, 1, { fireAtMs: Number.NaN }),
      request(0, 1, { fireAtMs: 0 }),
    ];
    for (const one of bad) expect(() => run([one])).toThrow(/simulate|submit/);
  });
});

describe("determinism", () => {
  it("gives the same numbers for the same seed", () => {
    const requests = Array.from({ length: 30 }, (_, i) => request(10 + i, 5, { fireAtMs: i * 3 }));
    const one = run(requests);
    const two = run(requests);
    expect([...two.steps.endMs]).toEqual([...one.steps.endMs]);
  });
});
