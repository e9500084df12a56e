import { describe, expect, it } from "vitest";
import { readTrace, recordToLine } from "../../lib/trace/files/index.js";
import { metaFromJson, traceSchemaVersion } from "../../lib/trace/index.js";
import { scratchFolder } from "./helpers.js";

const scratch = scratchFolder();
let files = 0;

function read(...rows: readonly string[]) {
  const lines = rows.map((fields) => `{"prompt_tokens": 64, "output_tokens": 3, ${fields}}\n`);
  return readTrace(scratch.write(`t${files++}.jsonl`, lines.join("")));
}

const origin =
  '"request_id": "c", "session": "s", "turn": 3, "session_source": "x-session-id", "agent": "explore", ' +
  '"parents": [{"request_id": "a", "kind": "turn"}, ' +
  '{"request_id": "b", "kind": "join", "gap_ms": 12.5, "from": "start"}], "replica": "engine-2", ' +
  '"messages": [{"role": "system", "tokens": 40}, {"role": "user", "tokens": 20, "hash": "0af3"}], ' +
  '"messages_by": "characters"';

describe("where a request comes from", () => {
  it("is read field by field, and written back as it stood", async () => {
    const trace = await read(origin);
    expect(trace.records[0]).toMatchObject({
      requestId: "c",
      session: "s",
      turn: 3,
      sessionSource: "x-session-id",
      agent: "explore",
      parents: [
        { requestId: "a", kind: "turn" },
        { requestId: "b", kind: "join", gapMs: 12.5, from: "start" },
      ],
      replica: "engine-2",
      messages: [
        { role: "system", tokens: 40 },
        { role: "user", tokens: 20, hash: "0af3" },
      ],
      messagesBy: "characters",
    });
    const line = recordToLine(trace.records[0], trace.blocks);
    const [record] = (await read(line.slice(line.indexOf('"request_id'), -1))).records;
    expect(record).toEqual(trace.records[0]);
  });

  it("tells no parents from parents that are not told", async () => {
    const [none, unknown] = (await read('"parents": []', '"replica": 1')).records;
    expect(none.parents).toEqual([]);
    expect(unknown.parents).toBeUndefined();
    expect(unknown.replica).toBe("1");
  });

  it.each([
    ['"parents": {}', "parents must be an array"],
    ['"parents": ["a"]', "parents[0] must be an object"],
    ['"parents": [{"kind": "turn"}]', "parents[0].request_id is missing"],
    [
      '"parents": [{"request_id": "a", "kind": "cousin"}]',
      "parents[0].kind must be one of turn, spawn, join, retry",
    ],
    ['"parents": [{"request_id": "a", "gap_ms": -1}]', "parents[0].gap_ms must be a finite number >= 0"],
    ['"messages": [{"role": "user"}]', "messages[0] must hold role and tokens"],
    ['"messages_by": "guess"', "messages_by must be one of tokens, characters"],
    ['"request_id": 7', "request_id must be a string"],
  ])("refuses %s with the reason", async (fields, reason) => {
    const { records, rejected } = await read('"turn": 1', fields);
    expect(records).toHaveLength(1);
    expect(rejected[0].reason).toContain(reason);
  });
});

describe("a cached count above the prompt", () => {
  it("is kept as the server's claim, used by nobody, and counted", async () => {
    const { records, rejected, warnings } = await read('"cached_tokens": 80', '"cached_tokens": 64');
    expect(rejected).toEqual([]);
    expect(records[0].cachedTokens).toBeUndefined();
    expect(records[0].extra).toEqual({ server_cached_tokens: 80 });
    expect(records[1].cachedTokens).toBe(64);
    expect(warnings.map(({ reason }) => reason).join("\n")).toContain(
      "1 row claims more cached tokens than prompt tokens",
    );
  });
});

describe("the schema's version", () => {
  it("is a fact of the file, not of the trace", () => {
    expect(metaFromJson({ schema: traceSchemaVersion, model: "m" })).toEqual({ model: "m", extra: {} });
    expect(() => metaFromJson({ schema: "two" })).toThrow(/meta.schema must be a positive integer/);
  });
});
