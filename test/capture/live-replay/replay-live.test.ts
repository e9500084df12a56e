import { afterEach, describe, expect, it } from "vitest";
import { replayLive } from "../../../lib/capture/live-replay/index.js";
import { loadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import type { EngineRequest } from "../../../lib/engine/index.js";
import { type Plan, planReplay } from "../../../lib/replay/index.js";
import { workloadOf } from "../../../lib/sessions/index.js";
import { isComplete, type Trace } from "../../../lib/trace/index.js";
import {
  answerTogether,
  type FakeServer,
  type FakeServerOptions,
  startFakeServer,
} from "../loadgen/fake-server.js";

let server: FakeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function start(options: FakeServerOptions = {}): Promise<FakeServer> {
  server = await startFakeServer(options);
  return server;
}

/** A small multi-turn capture of the fake: 6 sessions of 3 turns over 2 prefixes. */
async function capture(url: string): Promise<Trace> {
  const options = loadgenOptions({
    url,
    model: "fake",
    pattern: "multiturn",
    ratePerSecond: 100,
    sessions: 6,
    turns: 3,
    prefixTokens: 64,
    promptTokens: 40,
    outputTokens: 20,
    thinkTimeMs: 20,
    warmup: 0,
  });
  return (await runLoadgen(options)).trace;
}

function replayOf(url: string, plan: Plan, seed = 1) {
  return replayLive({ plan, url, model: "fake", seed, timeoutMs: 30_000 });
}

/** For each request the length of the longest prompt prefix, in whole blocks, that an earlier request's prompt and answer hold. */
function sharedBlocks(trace: Trace): number[] {
  const order = trace.records
    .map((_, i) => i)
    .sort((a, b) => trace.records[a]!.arrivalMs! - trace.records[b]!.arrivalMs!);
  const seen = new Set<number>();
  const shared = new Array<number>(order.length).fill(0);
  for (const i of order) {
    const { blockIds, outputBlockIds } = trace.records[i]!;
    let length = 0;
    while (length < blockIds!.length && seen.has(blockIds![length]!)) length++;
    shared[i] = length;
    for (const id of [...blockIds!, ...outputBlockIds!]) seen.add(id);
  }
  return shared;
}

describe("replayLive", () => {
  it("session-paced: sends the capture's sizes and sharing, later turns through the answers of this run", async () => {
    const { url } = await start();
    const source = await capture(url);
    const plan = planReplay(workloadOf(source));
    const { trace, notSent, warnings } = await replayOf(url, plan);
    expect(warnings.filter((warning) => !warning.includes("went out late"))).toEqual([]);
    expect(notSent).toBe(0);
    expect(trace.records.every(isComplete)).toBe(true);
    expect(trace.records.map(({ promptTokens }) => promptTokens)).toEqual(
      source.records.map(({ promptTokens }) => promptTokens),
    );
    expect(sharedBlocks(trace)).toEqual(sharedBlocks(source));
    for (const [i, { after }] of plan.requests.entries()) {
      if (!after) continue;
      const [record, parent] = [trace.records[i]!, trace.records[after.parent]!];
      expect(record.arrivalMs! - (parent.arrivalMs! + parent.elapsedMs!)).toBeGreaterThanOrEqual(
        after.gapMs - 0.01,
      );
    }
  });

  it("sends what waits for several after the last of them, and what starts from a start at once", async () => {
    const { url } = await start();
    const source = await capture(url);
    const plan = planReplay(workloadOf(source), { pacing: "open-loop" });
    const requests = plan.requests.slice(0, 6).map((request, i): EngineRequest => {
      const { fireAtMs: _, ...shape } = request;
      if (i < 2) return { ...shape, fireAtMs: 30 * i };
      if (i === 2) return { ...shape, after: { parent: 0, gapMs: 10 }, joins: [{ parent: 1, gapMs: 25 }] };
      if (i === 3) return { ...shape, after: { parent: 2, gapMs: 5, from: "start" } };
      return {
        ...shape,
        after: { parent: 2, gapMs: 1 },
        joins: [
          { parent: 3, gapMs: 1 },
          { parent: 1, gapMs: 0 },
        ],
      };
    });
    const { trace, notSent } = await replayOf(url, { ...plan, requests });
    expect(notSent).toBe(0);
    const endMs = (i: number) => trace.records[i]!.arrivalMs! + trace.records[i]!.elapsedMs!;
    for (const [i, { after, joins = [] }] of requests.entries())
      for (const edge of after ? [after, ...joins] : []) {
        const fromMs = edge.from === "start" ? trace.records[edge.parent]!.arrivalMs! : endMs(edge.parent);
        expect(trace.records[i]!.arrivalMs! - fromMs).toBeGreaterThanOrEqual(edge.gapMs - 2);
      }
  });

  it("open loop: fires at the recorded times whatever the server does", async () => {
    // The capture's 18 are answered at once; of the replay's, the first answer comes when the last request is there.
    const { url } = await start({ behave: answerTogether(18, 18) });
    const source = await capture(url);
    const plan = planReplay(workloadOf(source), { pacing: "open-loop" });
    const { trace } = await replayOf(url, plan);
    expect(trace.records.every(isComplete)).toBe(true);
    for (const [i, { fireAtMs }] of plan.requests.entries()) {
      const { arrivalMs, extra } = trace.records[i]!;
      // Sent no earlier than due, and its lag counts from then, however busy the machine is.
      expect(arrivalMs!).toBeGreaterThanOrEqual(fireAtMs! - 0.01);
      expect(arrivalMs! - (extra?.send_lag_ms as number)).toBeLessThanOrEqual(fireAtMs! + 0.01);
    }
  });

  it("cold: no prompt shares a block with another", async () => {
    const { url, received } = await start();
    const source = await capture(url);
    const from = received.length;
    const plan = planReplay(workloadOf(source), { prompts: "unique" });
    await replayOf(url, plan);
    const firstBlocks = received.slice(from).map(({ promptIds }) => promptIds.slice(0, 16).join());
    expect(new Set(firstBlocks).size).toBe(source.records.length);
  });

  it("another seed sends other blocks, so that a second replay does not find the first's in the cache", async () => {
    const { url, received } = await start();
    const source = await capture(url);
    const plan = planReplay(workloadOf(source));
    const from = received.length;
    await replayOf(url, plan, 1);
    await replayOf(url, plan, 2);
    const firstBlocks = received.slice(from).map(({ promptIds }) => promptIds.slice(0, 16).join());
    const [one, two] = [firstBlocks.slice(0, 18), firstBlocks.slice(18)];
    expect(two.some((block) => one.includes(block))).toBe(false);
  });

  it("never sends the children of a request that failed, and says so", async () => {
    const { url } = await start({
      behave: (n) => (n === 18 ? { kind: "status", status: 503, message: "full" } : { kind: "answer" }),
    });
    const source = await capture(url);
    const plan = planReplay(workloadOf(source));
    const { trace, notSent, warnings } = await replayOf(url, plan);
    expect(notSent).toBe(2);
    expect(trace.records.filter(({ finishReason }) => finishReason === "never sent")).toHaveLength(2);
    expect(trace.records.filter(({ finishReason }) => finishReason === "error")).toHaveLength(1);
    expect(warnings.join()).toContain("2 requests were never sent");
  });

  it("refuses a server that does not tell which token ids are text, unless the caller does", async () => {
    const { url } = await start({ vllm: false });
    const plan: Plan = {
      requests: [{ promptTokens: 40, outputTokens: 2, contentIds: Int32Array.of(0, 1), fireAtMs: 0 }],
      pacing: "open-loop",
      prompts: "recorded",
      blockSize: 16,
      contentCount: 2,
      assumptions: [],
    };
    await expect(replayOf(url, plan)).rejects.toThrow(/no \/tokenize: give tokenIdRange/);
    const { trace } = await replayLive({
      plan,
      url,
      model: "fake",
      seed: 1,
      timeoutMs: 5_000,
      tokenIdRange: [10, 90],
    });
    expect(trace.records[0]?.promptTokens).toBe(40);
  });
});
