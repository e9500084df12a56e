import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../lib/base/index.js";
import { readConversations } from "../../../lib/capture/loadgen/index.js";
import { scratchFile } from "../scratch.js";

async function read(name: string, content: string | Buffer) {
  const file = scratchFile(name);
  writeFileSync(file, content);
  return readConversations(file);
}

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

describe("readConversations", () => {
  const openAi = { messages: [{ role: "system", content: "s" }, user("a"), assistant("b"), user("c")] };
  const turns = [
    { says: [{ role: "system", content: "s" }, user("a")], answer: assistant("b") },
    { says: [user("c")] },
  ];

  it.each<[string, string, string | Buffer]>([
    ["JSON lines", "c.jsonl", `${JSON.stringify(openAi)}\n\n${JSON.stringify(openAi)}\n`],
    ["a list", "c.json", JSON.stringify([openAi, openAi], null, 2)],
    ["a document with a list in it", "c.json", JSON.stringify({ data: [openAi, openAi] })],
    [
      "gzip, with a byte order mark",
      "c.jsonl.gz",
      gzipSync(`\uFEFF${JSON.stringify(openAi)}\n${JSON.stringify(openAi)}`),
    ],
    [
      "bodies of a batch",
      "c.jsonl",
      `${JSON.stringify({ custom_id: "1", body: openAi })}\n${JSON.stringify({ custom_id: "2", body: openAi })}`,
    ],
    [
      "bare lists of messages",
      "c.jsonl",
      `${JSON.stringify(openAi.messages)}\n${JSON.stringify(openAi.messages)}`,
    ],
  ])("reads OpenAI's messages from %s", async (_title, name, content) => {
    const { conversations, rejected } = await read(name, content);
    expect(rejected).toEqual([]);
    expect(conversations).toEqual([{ turns }, { turns }]);
  });

  it("reads a list of messages under any name, beside other lists", async () => {
    const { conversations } = await read(
      "c.jsonl",
      JSON.stringify({ task: 1, tags: ["x"], traj: openAi.messages }),
    );
    expect(conversations).toEqual([{ turns }]);
  });

  it("reads ShareGPT's, and its speakers", async () => {
    const { conversations } = await read(
      "c.json",
      JSON.stringify([
        {
          id: "x",
          conversations: [
            { from: "system", value: "s" },
            { from: "human", value: "a" },
            { from: "gpt", value: "b" },
            { from: "human", value: "c" },
          ],
        },
      ]),
    );
    expect(conversations).toEqual([{ turns }]);
  });

  it("reads AIPerf's turns: no answers, delays in milliseconds, the length of outputs", async () => {
    const { conversations } = await read(
      "c.jsonl",
      JSON.stringify({
        session_id: "1",
        turns: [
          { role: "system", text: "s" },
          { text: "a", delay: 5, output_length: 12 },
          { texts: ["b", "c"], delay: 1500 },
        ],
      }),
    );
    expect(conversations).toEqual([
      {
        turns: [
          { says: [{ role: "system", content: "s" }, user("a")], outputTokens: 12 },
          { says: [user("b\nc")], thinkMs: 1500 },
        ],
      },
    ]);
  });

  it("keeps tools and their calls as they are, and think times", async () => {
    const call = {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }],
    };
    const result = { role: "tool", tool_call_id: "1", content: "42" };
    const tools = [{ type: "function", function: { name: "f" } }];
    const { conversations } = await read(
      "c.jsonl",
      JSON.stringify({ tools, messages: [user("a"), call, { ...result, think_time_s: 2 }, assistant("b")] }),
    );
    expect(conversations).toEqual([
      {
        tools,
        turns: [
          { says: [user("a")], answer: call },
          { says: [result], answer: assistant("b"), thinkMs: 2000 },
        ],
      },
    ]);
  });

  it("joins parts that are all text, and keeps others", async () => {
    const image = [
      { type: "text", text: "see" },
      { type: "image_url", image_url: { url: "x" } },
    ];
    const { conversations } = await read(
      "c.jsonl",
      `${JSON.stringify({
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "a" },
              { type: "text", text: "b" },
            ],
          },
        ],
      })}\n${JSON.stringify({ messages: [{ role: "user", content: image }] })}`,
    );
    expect(conversations.map(({ turns }) => turns[0]?.says[0]?.content)).toEqual(["ab", image]);
  });

  it("takes an answer to nothing as part of what is said next", async () => {
    const { conversations } = await read(
      "c.jsonl",
      JSON.stringify({
        messages: [assistant("hello"), user("a"), assistant("b"), assistant("c"), user("d")],
      }),
    );
    expect(conversations[0]?.turns).toEqual([
      { says: [assistant("hello"), user("a")], answer: assistant("b") },
      { says: [assistant("c"), user("d")] },
    ]);
  });

  it("rejects what it cannot use by line and reason, and goes on", async () => {
    const { conversations, rejected } = await read(
      "c.jsonl",
      [
        "not json",
        JSON.stringify({ messages: [{ role: "user", content: 7 }] }),
        JSON.stringify({ prompt: "a" }),
        JSON.stringify({ conversations: [{ from: "alien", value: "a" }] }),
        JSON.stringify(openAi),
      ].join("\n"),
    );
    expect(conversations).toHaveLength(1);
    expect(rejected.map(({ line }) => line)).toEqual([1, 2, 3, 4]);
    expect(rejected[0]?.reason).toContain("not JSON");
    expect(rejected[1]?.reason).toContain("message 1: content must be a text or a list of parts, got 7");
    expect(rejected[2]?.reason).toContain("must have messages, conversations or turns");
    expect(rejected[3]?.reason).toContain("from must be one of human");
  });

  it("refuses a file of which nothing can be used, and one that is not there", async () => {
    await expect(read("c.jsonl", '{"prompt":1}')).rejects.toThrow(
      /holds no conversation: 1 rejected, the first in line 1/,
    );
    await expect(read("c.jsonl", "")).rejects.toThrow(/holds no conversation: give JSON/);
    await expect(readConversations("/nowhere/c.jsonl")).rejects.toThrow(/c.jsonl cannot be read: ENOENT/);
  });

  it("gives turns in which something is said, or refuses, whatever is in the file", async () => {
    const role = fc.constantFrom("system", "user", "assistant", "tool", "human", 3, null);
    const message = fc.record(
      {
        role,
        from: role,
        content: fc.anything(),
        value: fc.anything(),
        delay: fc.anything(),
        text: fc.string(),
      },
      { requiredKeys: [] },
    );
    const list = fc.array(message, { maxLength: 6 });
    const row = fc.oneof(
      fc.jsonValue(),
      list,
      fc.record({ messages: list }),
      fc.record({ conversations: list }),
      fc.record({ turns: list }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 4 }), async (rows) => {
        const lines = rows.map((each) => JSON.stringify(each) ?? "null").join("\n");
        const result = await read("c.jsonl", lines).catch((error: unknown) => error);
        if (result instanceof InputError) return;
        const { conversations } = result as Awaited<ReturnType<typeof readConversations>>;
        expect(conversations.length).toBeGreaterThan(0);
        for (const { turns } of conversations) {
          expect(turns.length).toBeGreaterThan(0);
          expect(turns.every(({ says }) => says.length > 0)).toBe(true);
          expect(turns.every(({ thinkMs = 0 }) => Number.isFinite(thinkMs) && thinkMs >= 0)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});
