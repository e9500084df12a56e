import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { answerCharacter } from "./fake-server.js";
import { optionsFor, scratch, start } from "./loadgen-rig.js";

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const system = { role: "system", content: "You are terse." };

interface Body {
  readonly messages: { role: string; content: string }[];
  readonly max_tokens: number;
  readonly tools?: unknown;
}

/** Sends conversations again, and gives what the server got of each turn, in order of length. */
async function send(conversations: readonly object[], given: Partial<LoadgenOptions> = {}) {
  const { url, received } = await start();
  const conversationsFile = join(scratch, "conversations.jsonl");
  writeFileSync(conversationsFile, conversations.map((each) => JSON.stringify(each)).join("\n"));
  const result = await runLoadgen(
    optionsFor(url, {
      pattern: "conversations",
      conversationsFile,
      endpoint: "chat",
      ratePerSecond: 100,
      ...given,
    }),
  );
  const bodies = received.map(({ body }) => body as unknown as Body);
  return { ...result, bodies: bodies.sort((a, b) => (a.messages?.length ?? 0) - (b.messages?.length ?? 0)) };
}

const chat = {
  messages: [
    system,
    user("one"),
    assistant("recorded one"),
    user("two"),
    assistant("recorded two"),
    user("three"),
  ],
};
/** What the fake answers to a prompt of these messages. */
const real = (messages: readonly { content: string }[]) => {
  const length = messages.reduce((sum, { content }) => sum + content.length, 0);
  return assistant([0, 1, 2, 3, 4].map((k) => answerCharacter(length, k)).join(""));
};

describe("pattern conversations", () => {
  it("sends what users said, turn by turn, over the server's real answers", async () => {
    const { bodies, trace } = await send([chat]);
    const first = [system, user("one")];
    const second = [...first, real(first), user("two")];
    const third = [...second, real(second), user("three")];
    expect(bodies.map(({ messages }) => messages)).toEqual([first, second, third]);
    expect(trace.records.map(({ session, turn }) => [session, turn])).toEqual([
      ["s0", 1],
      ["s0", 2],
      ["s0", 3],
    ]);
    expect(trace.records.every(isComplete)).toBe(true);
    expect(trace.meta.extra.loop).not.toBe("closed");
  });

  it("sends them over the recorded answers where that is asked for", async () => {
    const { bodies, warnings } = await send([chat, { turns: [{ text: "a" }, { text: "b" }] }], {
      answers: "recorded",
    });
    expect(bodies.at(-1)?.messages).toEqual(chat.messages);
    expect(warnings.join()).toContain("1 turns have no recorded answer");
  });

  it("keeps an answer that called tools, whose results come next, and sends the tools", async () => {
    const call = {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }],
    };
    const result = { role: "tool", tool_call_id: "1", content: "42" };
    const tools = [{ type: "function", function: { name: "f" } }];
    const { bodies, warnings } = await send([{ tools, messages: [user("a"), call, result] }]);
    expect(bodies.at(-1)).toMatchObject({ tools, messages: [user("a"), call, result] });
    expect(warnings.join()).toContain("1 answers that call tools stay as they were recorded");
  });

  it("waits between turns as the file tells, or as it is told", async () => {
    const delayed = { messages: [user("a"), assistant("b"), { ...user("c"), delay: 120 }] };
    const gap = async (given: Partial<LoadgenOptions>) => {
      const { trace } = await send([delayed], given);
      const [before, after] = trace.records;
      return after!.arrivalMs! - before!.arrivalMs! - before!.elapsedMs!;
    };
    expect(await gap({})).toBeGreaterThanOrEqual(119.9);
    const asked = await gap({ thinkTimeMs: 20 });
    expect(asked).toBeGreaterThanOrEqual(19.9);
    expect(asked).toBeLessThan(100);
  });

  it("asks for the output that the file tells, else for the one that is asked for", async () => {
    const { bodies } = await send([{ turns: [{ text: "a", output_length: 3 }, { text: "b" }] }], {
      outputTokens: 7,
    });
    expect(bodies.map(({ max_tokens }) => max_tokens)).toEqual([3, 7]);
  });

  it("sends all of the file, or as many as it is told", async () => {
    expect((await send([chat, chat, chat])).trace.records).toHaveLength(9);
    expect((await send([chat, chat, chat], { sessions: 2 })).trace.records).toHaveLength(6);
  });

  it("goes through completions as one text that grows, and says so", async () => {
    const { trace, warnings } = await send([chat], { endpoint: "completions" });
    expect(trace.records.every(isComplete)).toBe(true);
    const [first, second] = trace.records;
    expect(second!.promptTokens).toBeGreaterThan(first!.promptTokens + 5);
    expect(warnings.join()).toContain("style of ChatML");
  });

  it("leaves out what an API does not take, and says how many", async () => {
    const tools = { messages: [user("a"), { role: "tool", tool_call_id: "1", content: "42" }] };
    await expect(send([tools], { endpoint: "completions" })).rejects.toThrow(
      /none of 1 conversations can be sent: .*endpoint must be chat/,
    );
    const { trace, warnings } = await send([tools, chat, { nothing: 1 }], { endpoint: "completions" });
    expect(trace.records).toHaveLength(3);
    expect(warnings.join("\n")).toContain("1 of 2 conversations are not sent");
    expect(warnings.join("\n")).toContain("1 conversations of the file are not sent, the first in line 3");
  });

  it("writes neither the texts nor the path of the file", async () => {
    const { trace } = await send([chat]);
    expect(JSON.stringify(trace.meta)).not.toContain("conversations.jsonl");
    expect(JSON.stringify(trace.records.map(({ extra }) => extra))).not.toContain("one");
  });

  it("needs a file, and a file needs it", () => {
    expect(() => optionsFor("http://x", { pattern: "conversations" })).toThrow(
      /give --pattern conversations --conversations FILE/,
    );
    expect(() => optionsFor("http://x", { conversationsFile: "f" })).toThrow(/need each other/);
    expect(() => optionsFor("http://x", { answers: "none" as never })).toThrow(
      /answers must be real or recorded/,
    );
    expect(() => optionsFor("http://x", { endpoint: "grpc" as never })).toThrow(
      /endpoint must be one of completions/,
    );
  });
});
