import { describe, expect, it } from "vitest";
import { runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { answerTogether } from "./fake-server.js";
import { optionsFor, start } from "./loadgen-rig.js";

describe("before the clock starts", () => {
  it("sends warm-up requests with prompts of their own, and records none of them", async () => {
    const { url, received } = await start();
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "poisson", ratePerSecond: 100, sessions: 3, warmup: 2 }),
    );
    expect(trace.records).toHaveLength(3);
    expect(new Set(received.map(({ promptIds }) => promptIds.join())).size).toBe(5);
  });

  it("learns the engine's version and block pool, and takes further facts from the caller", async () => {
    const { url } = await start();
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "burst", burstSize: 1, durationMs: 1, meta: { max_num_seqs: 64 } }),
    );
    expect(trace.meta.extra).toMatchObject({ engine_version: "0.0.0-fake" });
    expect(trace.meta.engine).toEqual({
      blockSize: 32,
      kvCacheBlocks: 8191,
      enablePrefixCaching: false,
      maxNumSeqs: 64,
    });
    expect(() => optionsFor(url, { meta: { max_num_seqs: "many" } })).toThrow(
      /loadgenOptions: meta.max_num_seqs/,
    );
  });
});

describe("arrivals", () => {
  it("open loop: a server that answers slowly holds no arrival back", async () => {
    // The first answer comes when the last request is there.
    const { url } = await start({ behave: answerTogether(40) });
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "poisson", ratePerSecond: 100, sessions: 40, timeoutMs: 30_000 }),
    );
    expect(trace.records.every(isComplete)).toBe(true);
    expect(trace.records.map(({ concurrency }) => concurrency)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
  });

  it("the same seed sends the same prompts, another seed others", async () => {
    const { url, received } = await start();
    const promptsOf = async (seed: number) => {
      const from = received.length;
      const { trace } = await runLoadgen(
        optionsFor(url, { pattern: "poisson", ratePerSecond: 200, sessions: 5, seed }),
      );
      const { records, blocks } = trace;
      return {
        inOrder: records.map(({ blockIds }) => Array.from(blockIds!, (id) => blocks.text(id)).join()),
        // Requests sent close together may come in either order.
        whole: received
          .slice(from)
          .map(({ promptIds }) => promptIds.join())
          .sort(),
      };
    };
    const [first, again, other] = [await promptsOf(1), await promptsOf(1), await promptsOf(2)];
    expect(new Set(first.inOrder).size).toBe(5);
    expect(again).toEqual(first);
    expect(other.inOrder).not.toEqual(first.inOrder);
    expect(other.whole).not.toEqual(first.whole);
  });

  it("burst: simultaneous requests every interval", async () => {
    const { url } = await start();
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "burst", burstSize: 4, burstIntervalMs: 150, durationMs: 400 }),
    );
    expect(trace.records).toHaveLength(12);
    for (const [i, { arrivalMs, extra }] of trace.records.entries()) {
      // A request is sent no earlier than it is due, and its lag counts from then, however busy the machine is.
      const dueAtMs = 150 * Math.floor(i / 4);
      expect(arrivalMs!).toBeGreaterThanOrEqual(dueAtMs - 0.01);
      expect(arrivalMs! - (extra?.send_lag_ms as number)).toBeLessThanOrEqual(dueAtMs + 0.01);
    }
  });

  it("staircase: concurrency never exceeds the level of its stair", async () => {
    const { url } = await start({ behave: () => ({ kind: "answer", firstMs: 50, gapMs: 1 }) });
    const { trace, loop } = await runLoadgen(
      optionsFor(url, { pattern: "staircase", stairs: [1, 4], durationMs: 800 }),
    );
    expect(loop).toBe("closed");
    // A machine that stands still for a stair sends nothing in it: the levels are bounds, and the second is reached.
    const below = trace.records.filter(({ arrivalMs }) => arrivalMs! < 400);
    expect(below.every(({ concurrency }) => concurrency === 1)).toBe(true);
    expect(Math.max(...trace.records.map(({ concurrency }) => concurrency!))).toBe(4);
  });
});
