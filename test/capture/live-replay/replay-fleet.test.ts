import { describe, expect, it } from "vitest";
import { InputError } from "../../../lib/base/index.js";
import { type LiveReplayOptions, replayLive } from "../../../lib/capture/live-replay/index.js";
import { startServer } from "../../../lib/capture/serve/index.js";
import type { EngineRequest } from "../../../lib/engine/index.js";
import { type ClientRouterPolicy, routers, runFleet } from "../../../lib/fleet/index.js";
import { latencyProfile } from "../../../lib/latency/index.js";
import type { Plan } from "../../../lib/replay/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { startFakeServer } from "../loadgen/fake-server.js";
import { afterTest } from "../scratch.js";

const model = latencyProfile("h200-qwen3-8b");
const blockSize = 16;
/** Holds the prefixes and some of the conversations: what a router keeps together stays, what it scatters is evicted. */
const engine = { blockSize, kvCacheBlocks: 130 };

async function serve(): Promise<string> {
  const server = await startServer({ port: 0, latency: model, timeScale: 200, engine });
  afterTest(() => server.close(50));
  return server.url;
}

/**
 * Conversations over two prefixes, each prompt going on through the answer before it. First a long request of each prefix goes
 * out, both together, then the conversations' one after the other: what a server finds does not depend on how fast it is.
 */
function conversations({ sessions = 11, turns = 3, prefixBlocks = 30 } = {}): Plan {
  const ids = new Map<string, number>();
  const content = (name: string) => {
    const id = ids.get(name) ?? ids.size;
    ids.set(name, id);
    return id;
  };
  const request = (
    session: number,
    ownBlocks: number,
    outputTokens: number,
    when: Partial<EngineRequest>,
  ) => {
    const promptTokens = (prefixBlocks + ownBlocks) * blockSize + 5;
    const full = Math.floor((promptTokens + outputTokens) / blockSize);
    const contentIds = Int32Array.from({ length: full }, (_, block) =>
      content(block < prefixBlocks ? `prefix ${session % 2} ${block}` : `own ${session} ${block}`),
    );
    return { promptTokens, outputTokens, contentIds, session, ...when };
  };
  const requests = [0, 1].map((head) => request(head, 0, 400, { fireAtMs: 0 }));
  for (let turn = 1; turn <= turns; turn++)
    for (let session = 2; session < 2 + sessions; session++) {
      const after = { parent: requests.length - 1, gapMs: 0 };
      const joins = requests.length === 2 ? { joins: [{ parent: 0, gapMs: 0 }] } : {};
      requests.push(request(session, 3 * turn - 1, blockSize, { after, ...joins }));
    }
  const contentCount = ids.size;
  return { requests, pacing: "session", prompts: "recorded", blockSize, contentCount, assumptions: [] };
}

function replay(url: string | readonly string[], given: Partial<LiveReplayOptions> = {}) {
  return replayLive({ plan: conversations(), url, model: "any", seed: 7, timeoutMs: 30_000, ...given });
}

describe("replayLive on several servers", () => {
  it.each(["round-robin", "random", "sticky:assign=random", "sticky", "prefix-affinity", "least-loaded"])(
    "%s: sends where a simulated fleet sends, and finds what it finds",
    async (router) => {
      const urls = [await serve(), await serve()];
      const plan = conversations();
      const { trace, notSent, fleet } = await replay(urls, { plan, router });
      const run = runFleet({ requests: plan.requests, model, engine, replicas: 2, router, seed: 7 });
      expect(notSent).toBe(0);
      expect(trace.records.every(isComplete)).toBe(true);
      expect(trace.records.map(({ replica }) => replica)).toEqual([...run.replica].map(String));
      expect(new Set(run.replica).size).toBe(2);
      expect(trace.records.map(({ cachedTokens }) => cachedTokens)).toEqual([...run.cachedTokens]);
      expect(run.prefixHitTokens).toBeGreaterThan(0);
      expect(trace.meta.extra).toMatchObject({ replica_count: 2, router });
      expect(fleet?.servers).toMatchObject(
        urls.map((url, replica) => ({
          url,
          replica,
          requests: run.replica.filter((chosen) => chosen === replica).length,
          failed: 0,
        })),
      );
    },
  );

  it("round robin evicts what sticky keeps, on these servers", () => {
    const { requests } = conversations();
    const [scattered, kept] = ["round-robin", "sticky"].map((router) =>
      runFleet({ requests, model, engine, replicas: 2, router, seed: 7 }),
    );
    expect(scattered!.evictedBlocks).toBeGreaterThan(0);
    expect(scattered!.prefixHitTokens).toBeLessThan(kept!.prefixHitTokens);
  });

  it("one server with a router is that server: no record names it", async () => {
    const { trace, fleet } = await replay([await serve()], { router: "sticky" });
    expect(trace.records.every((record) => isComplete(record) && record.replica === undefined)).toBe(true);
    expect(fleet).toBeUndefined();
    expect(trace.meta.extra.router).toBeUndefined();
  });

  it("a router of one's own sees what was sent to each server and has not come back", async () => {
    const urls = [await serve(), await serve()];
    const seen: number[][] = [];
    const told: string[] = [];
    const mine: ClientRouterPolicy = {
      name: "mine",
      sees: "own-counts",
      start: ({ replicas }) => ({
        route: () => {
          seen.push(replicas.map(({ inFlight }) => inFlight));
          return 1;
        },
        onFirstToken: (_, replica) => told.push(`first ${replica}`),
        onEnd: (_, replica) => told.push(`end ${replica}`),
      }),
    };
    const plan = conversations({ sessions: 1, turns: 2 });
    const { trace } = await replay(urls, { plan, router: mine });
    expect(trace.records.map(({ replica }) => replica)).toEqual(["1", "1", "1", "1"]);
    // The two heads together, the others alone.
    expect(seen).toEqual([
      [0, 0],
      [0, 1],
      [0, 0],
      [0, 0],
    ]);
    expect(told.filter((word) => word === "first 1")).toHaveLength(4);
    expect(told.filter((word) => word === "end 1")).toHaveLength(4);
  });

  it("a server that goes away in mid-run fails what it has, and gets no more", async () => {
    const [stays, goes] = [await startFakeServer(), await startFakeServer()];
    afterTest(() => stays.close());
    const inTurn = { maxInFlight: 1, gapMs: 0 };
    const { requests, ...rest } = conversations({ sessions: 4, turns: 2 });
    const plan: Plan = {
      ...rest,
      requests: requests.map(({ promptTokens, outputTokens, contentIds, session }) => ({
        promptTokens,
        outputTokens,
        contentIds,
        session: session!,
        inTurn,
      })),
    };
    let closing: Promise<void> | undefined;
    const { trace, warnings, fleet } = await replay([stays.url, goes.url], {
      plan,
      onProgress: ({ completed }) => {
        if (completed === 4) closing ??= goes.close();
      },
    });
    await closing;
    const replicas = trace.records.map(({ replica }) => replica);
    expect(replicas.slice(0, 4)).toEqual(["0", "1", "0", "1"]);
    const failed = trace.records.filter((record) => !isComplete(record));
    expect(failed.map(({ replica, finishReason }) => [replica, finishReason])).toEqual([["1", "disconnect"]]);
    expect(fleet?.servers.map(({ failed }) => failed)).toEqual([0, 1]);
    const lastToIt = replicas.lastIndexOf("1");
    expect(isComplete(trace.records[lastToIt]!)).toBe(false);
    expect(replicas.slice(lastToIt + 1).every((replica) => replica === "0")).toBe(true);
    expect(warnings.join()).toContain(
      `${goes.url} (replica 1) refused a connection and got no more requests`,
    );
  });

  it("says in what servers are not equal", async () => {
    const small = await startServer({
      port: 0,
      latency: model,
      timeScale: 200,
      engine: { ...engine, kvCacheBlocks: 128 },
    });
    afterTest(() => small.close(50));
    const { warnings, trace } = await replay([await serve(), small.url]);
    expect(warnings.join()).toMatch(/the servers are not equal: num_gpu_blocks is 131, 129/);
    expect(trace.meta.engine?.kvCacheBlocks).toBeUndefined();
  });

  it("refuses a server that is down, by its address, before anything is sent", async () => {
    const { url: up, received, close } = await startFakeServer();
    afterTest(close);
    const down = await startFakeServer();
    await down.close();
    await expect(replay([up, down.url])).rejects.toThrow(down.url);
    // The look at the server that is up; nothing of the plan.
    expect(received.length).toBeLessThan(conversations().requests.length);
  });

  it("refuses a server given twice, none, and routers that it cannot run", async () => {
    const url = "http://127.0.0.1:1";
    await expect(replay([url, `${url}/v1/`])).rejects.toThrow(/"http:\/\/127.0.0.1:1\/v1\/" is given twice/);
    await expect(replay([])).rejects.toThrow(/got none/);
    await expect(replay([url], { router: "nearest" })).rejects.toThrow(InputError);
    const blind = Object.entries(routers).filter(([, { make }]) => make().sees !== "own-counts");
    expect(blind.length).toBeGreaterThan(0);
    for (const [name] of blind)
      await expect(replay([url], { router: name })).rejects.toThrow(/does not see: take one of round-robin/);
  });
});
