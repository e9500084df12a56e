import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { readCapture } from "../../lib/captures/index.js";
import { exportTrace, importTrace } from "../../lib/trace/files/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { BlockTable } from "../../lib/trace/index.js";
import { scratchFolder } from "./helpers.js";

const scratch = scratchFolder();

function traceOf(records: TraceRecord[], blockSize = 512): Trace {
  const blocks = new BlockTable();
  for (let id = 0; id < 100; id++) blocks.intern(0, id);
  return { meta: { blockSize, model: "m", extra: {} }, records, blocks, rejected: [], warnings: [] };
}

const ids = (...list: number[]) => Int32Array.from(list);

/** A main agent that spawns another, waits for it, and goes on; and a single question that shares its first block. */
const agents = traceOf([
  {
    promptTokens: 1024,
    outputTokens: 512,
    arrivalMs: 1000,
    elapsedMs: 400,
    blockIds: ids(1, 2),
    outputBlockIds: ids(3),
    requestId: "a",
    session: "s",
    turn: 1,
    parents: [],
  },
  {
    promptTokens: 600,
    outputTokens: 20,
    arrivalMs: 1500,
    elapsedMs: 200,
    blockIds: ids(9),
    requestId: "b",
    session: "s",
    turn: 1,
    agent: "helper",
    parents: [{ requestId: "a", kind: "spawn", gapMs: 100 }],
  },
  {
    promptTokens: 2048,
    outputTokens: 10,
    arrivalMs: 1800,
    blockIds: ids(1, 2, 3, 4),
    requestId: "c",
    session: "s",
    turn: 2,
    parents: [
      { requestId: "a", kind: "turn" },
      { requestId: "b", kind: "join", gapMs: 90 },
    ],
  },
  { promptTokens: 700, outputTokens: 8, arrivalMs: 2500, blockIds: ids(1), tailBlockId: 20 },
]);

describe("agentic-mooncake", () => {
  it("holds lengths, sharing, sessions and dependencies, and is read back with them", async () => {
    const path = scratch.path("agents.jsonl");
    await exportTrace("agentic-mooncake", agents, path);
    const [header, ...rows] = readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(header).toMatchObject({
      schema: "dynamo.agentic_mooncake",
      version: 2,
      block_size: 512,
      hash_id_scope: "local",
    });
    expect(rows.map(({ hash_ids }) => hash_ids)).toEqual([
      [0, 1],
      [2, 3],
      [0, 1, 4, 5],
      [0, 6],
    ]);
    expect(rows[2]).toMatchObject({
      request_id: "c",
      session_id: "s",
      not_before_ms: 0,
      dependencies: [
        { request_id: "a", trigger: "completion", delay_ms: 400, relation: "sequence" },
        { request_id: "b", trigger: "completion", delay_ms: 90, relation: "join" },
      ],
    });
    const back = await importTrace("agentic-mooncake", path);
    const shape = ({ promptTokens, outputTokens, agent, parents }: TraceRecord) => [
      promptTokens,
      outputTokens,
      agent !== undefined,
      parents?.map(({ kind }) => kind) ?? [],
    ];
    expect(back.records.map(shape)).toEqual(agents.records.map(shape));
    expect(back.records.map(({ arrivalMs }) => arrivalMs)).toEqual([1000, 1500, 1800, 2500]);
  });

  it("keeps the prefix hits of a capture", async () => {
    const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
    const path = scratch.path("warm.jsonl.gz");
    await exportTrace("agentic-mooncake", trace, path);
    const back = await importTrace("agentic-mooncake", path);
    expect(back.records).toHaveLength(trace.records.length);
    expect(hits(back)).toBe(hits(trace));
    const turns = ({ records }: Trace) =>
      records.filter(({ parents, turn }) => (parents?.length ?? 0) > 0 || (turn ?? 1) > 1).length;
    expect(turns(back)).toBe(turns(trace));
  });
});

describe("aiperf", () => {
  it("later turns hold what they add; what does not continue one other is a session of its own", async () => {
    const path = scratch.path("sessions.jsonl");
    await exportTrace("aiperf", agents, path);
    const rows = readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows).toEqual([
      { session_id: "session-0", input_length: 1024, output_length: 512, hash_ids: [0, 1], timestamp: 1000 },
      { session_id: "session-1", input_length: 600, output_length: 20, hash_ids: [2, 3], timestamp: 1500 },
      {
        session_id: "session-2",
        input_length: 2048,
        output_length: 10,
        hash_ids: [0, 1, 4, 5],
        timestamp: 1800,
      },
      { session_id: "session-3", input_length: 700, output_length: 8, hash_ids: [0, 6], timestamp: 2500 },
    ]);
  });

  it("is read back to the prompts and turns of a capture", async () => {
    const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
    const path = scratch.path("capture.jsonl");
    await exportTrace("aiperf", trace, path);
    const back = await importTrace("aiperf", path);
    const lengths = ({ records }: Trace) =>
      records.map(({ promptTokens, outputTokens }) => `${promptTokens} ${outputTokens}`).sort();
    expect(lengths(back)).toEqual(lengths(trace));
    const later = ({ records }: Trace) => records.filter(({ turn }) => (turn ?? 1) > 1).length;
    expect(later(back)).toBeGreaterThan(0.9 * later(trace));
  });

  it("needs arrivals, and blocks that make 512", async () => {
    const write = (trace: Trace) => exportTrace("aiperf", trace, scratch.path("none.jsonl"));
    await expect(write(traceOf([{ promptTokens: 5, outputTokens: 5 }]))).rejects.toThrow(InputError);
    await expect(write(traceOf([{ promptTokens: 5, outputTokens: 5, arrivalMs: 1 }], 48))).rejects.toThrow(
      /blocks of 48/,
    );
  });
});

function hits({ records }: Trace): number {
  const seen = new Set<number>();
  let blocks = 0;
  for (const { blockIds = new Int32Array() } of records) {
    const first = blockIds.findIndex((id) => !seen.has(id));
    blocks += first < 0 ? blockIds.length : first;
    for (const id of blockIds) seen.add(id);
  }
  return blocks;
}
