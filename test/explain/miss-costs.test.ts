import { describe, expect, it } from "vitest";
import {
  evictedSpread,
  explainMisses,
  keptByPolicies,
  missCosts,
  missRemedies,
} from "../../lib/explain/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { replay } from "../../lib/replay/index.js";
import { blockSize, converse, type Fault, system } from "./conversations.js";

const model = latencyProfile("h200-qwen3-8b");
const costed = (fault: Fault) => {
  const workload = converse(fault);
  const explained = explainMisses(workload);
  return { workload, explained, costs: missCosts(workload, explained, { model }) };
};
const clock = (n: number) => `${system.slice(0, 40)} 12:${10 + n}:00 ${system.slice(40)}`;

describe("what a cause costs", () => {
  it.each([
    ["a clock", "diverged", { system: clock }, { system: () => clock(0) }],
    ["a restart", "reset", { restartBefore: 3 }, {}],
    ["a small pool", "evicted", { poolBlocks: 300 }, {}],
    ["prefix caching off", "off", { isOff: true }, {}],
    [
      "answers that came back changed",
      "diverged",
      {
        history: (messages) =>
          messages.map((message) =>
            message.role === "assistant"
              ? { ...message, text: message.text.split("").reverse().join("") }
              : message,
          ),
      },
      {},
    ],
  ] as const satisfies readonly (readonly [string, string, Fault, Fault])[])(
    "%s: what the replay without it finds and saves is what the conversations without it do",
    (_name, cause, fault, twin) => {
      const { workload, explained, costs } = costed(fault);
      const cost = costs.causes[cause];
      expect(costs.replayed.cachedTokens).toBe(explained.cachedTokens);
      const whole = converse(twin);
      const found = whole.trace.records.reduce((sum, { cachedTokens = 0 }) => sum + cachedTokens, 0);
      // A block a request: what is found ends at a block's end in both, not at the same token.
      const requests = workload.trace.records.length;
      expect(Math.abs((cost?.foundTokens as number) - (found - explained.cachedTokens))).toBeLessThanOrEqual(
        requests * blockSize,
      );
      const meanTtftMs = (of: typeof whole) =>
        replay(of, { model }).trace.records.reduce((sum, { ttftMs = 0 }) => sum + ttftMs, 0) / requests;
      const savedMs = (costs.replayed.meanTtftMs as number) - meanTtftMs(whole);
      expect(cost?.ttftMs.estimate).toBeGreaterThan(0);
      expect(Math.abs((cost?.ttftMs.estimate as number) / savedMs - 1)).toBeLessThan(0.1);
    },
  );

  it("is in queueing where requests wait for each other, and no more than the whole", () => {
    const workload = converse({ isOff: true });
    const records = workload.trace.records.map((record, i) => ({ ...record, arrivalMs: 0.1 * i }));
    const crowded = { ...workload, trace: { ...workload.trace, records } };
    const { causes } = missCosts(crowded, explainMisses(crowded), { model, pacing: "open-loop" });
    const { ttftMs, queueMs } = causes.off as NonNullable<typeof causes.off>;
    expect(queueMs.estimate).toBeGreaterThan(0);
    expect(queueMs.estimate).toBeLessThanOrEqual(ttftMs.estimate as number);
  });

  it("has none for what no replay does without", () => {
    const { costs } = costed({});
    expect(Object.keys(costs.causes)).toEqual(["block_tail"]);
  });
});

describe("what would have kept the evicted", () => {
  const { workload, explained } = costed({ poolBlocks: 300 });

  it("under each policy is no more than what was evicted, and under the engine's own nothing", () => {
    const evicted = explained.causes.evicted.tokens;
    const kept = keptByPolicies(workload, explained, { model });
    expect(kept.find(({ policy }) => policy === "lru")).toEqual({
      policy: "lru",
      keptTokens: 0,
      cachedTokens: explained.cachedTokens,
    });
    for (const { keptTokens } of kept) {
      expect(keptTokens).toBeGreaterThanOrEqual(0);
      expect(keptTokens).toBeLessThanOrEqual(evicted);
    }
    expect(Math.max(...kept.map(({ keptTokens }) => keptTokens))).toBeGreaterThan(0);
  });

  it("in blocks: a pool larger by the most that one was short gives none up", () => {
    const short = Math.max(
      ...explained.requests.flatMap(({ parts }) => parts.map(({ blocksShort = 0 }) => blocksShort)),
    );
    expect(300 + short).toBeLessThanOrEqual(explained.peakBlocks);
    const larger = explainMisses(converse({ poolBlocks: 300 + short }));
    expect(larger.causes.evicted.tokens).toBe(0);
    expect(explainMisses(converse({ poolBlocks: 299 + short })).causes.evicted.tokens).toBeGreaterThan(0);
    const { blocksShort, idleMs } = evictedSpread(explained) as NonNullable<ReturnType<typeof evictedSpread>>;
    expect(blocksShort.p50).toBeLessThanOrEqual(blocksShort.p90);
    expect(blocksShort.p90).toBeLessThanOrEqual(short);
    // Each conversation goes on when the seven others have had their turn.
    expect(idleMs.p50).toBeGreaterThan(7_000);
    expect(idleMs.p50).toBeLessThan(8_000);
  });

  it("is said with its KV, TTFT and money where these are known, and without where they are not", () => {
    const { tokens } = explained.causes.evicted;
    const { causes } = missCosts(workload, explained, { model });
    const prices = { currency: "EUR", input: 2, cachedRead: 1 };
    const [bare] = missRemedies(explained);
    const [told] = missRemedies(explained, { costs: causes, bytesPerToken: 2 ** 20, prices });
    expect(bare).toMatchObject({ cause: "evicted", tokens });
    expect(bare.sentence).not.toMatch(/GiB|EUR|TTFT/);
    expect(told).toMatchObject({ bytes: tokens * 2 ** 20, money: tokens / 1e6 });
    expect(told.ttftMs).toBe(causes.evicted?.ttftMs.estimate);
    expect(told.sentence).toMatch(/ GiB of KV, .* ms of mean TTFT, .* EUR\)$/);
  });
});
