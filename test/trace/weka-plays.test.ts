import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importTrace } from "../../lib/trace/files/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { scratchFolder, sharedData } from "./helpers.js";

const scratch = scratchFolder();

const request = (t: number, lasts: number, more: object = {}) => ({
  t,
  api_time: lasts,
  type: "n",
  model: "m",
  in: 64,
  out: 5,
  hash_ids: [1],
  ...more,
});

const play = (requests: object[], id = "p") => ({ id, block_size: 64, hash_id_scope: "local", requests });

async function imported(name: string, ...documents: object[]): Promise<Trace> {
  const text = documents.map((document) => JSON.stringify(document)).join("\n");
  return importTrace("weka", scratch.write(name, text), { subagents: true });
}

const edgesOf = (trace: Trace) =>
  Object.fromEntries(trace.records.map(({ requestId, parents }) => [requestId, parents]));

describe("sub-agents of a conversation", () => {
  it("a completed one was spawned its duration before its result came back, and the next request waits for it", async () => {
    const trace = await imported(
      "completed.json",
      play([
        request(0, 10),
        {
          type: "subagent",
          agent_id: "a",
          subagent_type: "Explore",
          status: "completed",
          t: 40,
          duration_ms: 29_500,
          requests: [request(0, 4), request(6, 20)],
        },
        request(45, 3),
      ]),
    );
    expect(trace.records.map(({ requestId, arrivalMs }) => [requestId, arrivalMs])).toEqual([
      ["p/1", 0],
      ["p/a/1", 10_500],
      ["p/a/2", 16_500],
      ["p/3", 45_000],
    ]);
    expect(edgesOf(trace)).toEqual({
      "p/1": [],
      "p/a/1": [{ requestId: "p/1", kind: "spawn", gapMs: 500 }],
      "p/a/2": [{ requestId: "p/a/1", kind: "turn", gapMs: 2000 }],
      "p/3": [
        { requestId: "p/1", kind: "turn", gapMs: 35_000 },
        { requestId: "p/a/2", kind: "join", gapMs: 8500 },
      ],
    });
    expect(trace.records.map(({ session, agent, turn }) => [session, agent, turn])).toEqual([
      ["p", undefined, 1],
      ["p/a", "a", 1],
      ["p/a", "a", 2],
      ["p", undefined, 2],
    ]);
  });

  it("one that was launched starts there, and nobody waits", async () => {
    const trace = await imported(
      "launched.json",
      play([
        request(0, 10),
        {
          type: "subagent",
          agent_id: "a",
          status: "async_launched",
          t: 10.2,
          duration_ms: null,
          requests: [request(0, 50)],
        },
        request(12, 3),
      ]),
    );
    expect(trace.records[1]).toMatchObject({ requestId: "p/a/1", arrivalMs: 10_200 });
    expect(edgesOf(trace)["p/3"]).toEqual([{ requestId: "p/1", kind: "turn", gapMs: 2000 }]);
  });

  it("several of one name are told apart", async () => {
    const agent = (t: number) => ({
      type: "subagent",
      agent_id: "a",
      status: "completed",
      t,
      duration_ms: 1000,
      requests: [request(0, 1)],
    });
    const trace = await imported("twice.json", play([request(0, 1), agent(3), request(4, 1), agent(7)]));
    expect(trace.records.map(({ requestId }) => requestId)).toEqual(["p/1", "p/a/1", "p/3", "p/a#2/1"]);
  });
});

describe("newer sets", () => {
  it("are one play a line, with requests of one level that overlap", async () => {
    const trace = await imported(
      "plays.jsonl",
      play([request(0, 5), request(0.25, 9), request(6, 1), request(20, 1)], "one"),
      play([request(0, 5)], "two"),
    );
    expect(trace.records).toHaveLength(5);
    expect(edgesOf(trace)).toMatchObject({
      "one/2": [{ requestId: "one/1", kind: "spawn", gapMs: 250, from: "start" }],
      "one/3": [{ requestId: "one/1", kind: "turn", gapMs: 1000 }],
      "one/4": [{ requestId: "one/3", kind: "turn", gapMs: 13_000 }],
      "two/1": [],
    });
    expect(trace.blocks.size).toBe(2);
  });

  it("list the partial block too", async () => {
    const trace = await imported(
      "ceil.json",
      play([request(0, 1, { in: 100, hash_ids: [1, 2] }), request(2, 1, { in: 128, hash_ids: [1, 3] })]),
    );
    expect(trace.records.map(({ blockIds, tailBlockId }) => [blockIds?.length, tailBlockId])).toEqual([
      [1, 1],
      [2, undefined],
    ]);
  });
});

/** Leading blocks known from the arrival of the request that brought them, under a cache that never evicts. */
function hitsOf(records: Trace["records"]): { hits: number; blocks: number } {
  const seen = new Set<number>();
  let [hits, blocks] = [0, 0];
  for (const { blockIds = new Int32Array() } of records) {
    const first = blockIds.findIndex((id) => !seen.has(id));
    hits += first < 0 ? blockIds.length : first;
    blocks += blockIds.length;
    for (const id of blockIds) seen.add(id);
  }
  return { hits, blocks };
}

describe.skipIf(!existsSync(`${sharedData}weka-subagents`))(
  "public conversations with sub-agents (skipped where ../shared/data is absent)",
  () => {
    it.each([
      ["0010", 122, 50, 189_049, 221_769, 235_356],
      ["0014", 121, 2, 187_650, 187_788, 197_148],
      ["0254", 122, 40, 202_428, 235_558, 250_694],
      ["0256", 439, 122, 627_221, 685_645, 714_341],
      ["0295", 324, 92, 483_561, 540_458, 565_303],
    ])(
      "%s: requests, and the hits that a cache without end has",
      async (name, main, nested, mainHits, hits, blocks) => {
        const trace = await importTrace("weka", `${sharedData}weka-subagents/trace_${name}.json.gz`, {
          subagents: true,
          strict: true,
        });
        const own = trace.records.filter(({ agent }) => agent === undefined);
        expect([own.length, trace.records.length - own.length]).toEqual([main, nested]);
        expect(hitsOf(own).hits).toBe(mainHits);
        expect(hitsOf(trace.records)).toEqual({ hits, blocks });
      },
    );

    it.each(["0010", "0254", "0256", "0295"])(
      "%s: spawns follow a request within 1.1 s, joins wait for the last one",
      async (name) => {
        const path = `${sharedData}weka-subagents/trace_${name}.json.gz`;
        const trace = await importTrace("weka", path, { subagents: true });
        const edges = trace.records.flatMap(({ parents }) => parents ?? []);
        const spawns = edges.filter(({ kind, from }) => kind === "spawn" && from === undefined);
        const agents = new Set(
          trace.records.map(({ agent }) => agent).filter((agent) => agent !== undefined),
        );
        expect(spawns.length).toBeGreaterThanOrEqual(agents.size);
        const firsts = spawns.map(({ gapMs }) => gapMs as number).sort((a, b) => a - b);
        expect(firsts[0]).toBeGreaterThan(150);
        expect(edges.filter(({ kind }) => kind === "join").length).toBeGreaterThanOrEqual(4);
      },
    );
  },
);
