import { describe, expect, it } from "vitest";
import { MessageLengths } from "../../../lib/capture/tap/message-lengths.js";
import type { ChatPrompt } from "../../../lib/capture/wire/index.js";

const chatOf = (contents: readonly string[], tools: readonly unknown[] = []): ChatPrompt => ({
  messages: contents.map((content, i) => ({ role: i === 0 ? "system" : "user", content })),
  tools,
  toolsFirst: false,
  templateFields: {},
});

/** A template with a frame of two tokens around messages and three for the answer's begin; a character is a token. */
function encode({ messages, tools, templateFields }: ChatPrompt): Promise<Uint32Array> {
  const text = messages.reduce((sum, { content }) => sum + String(content).length + 2, 0);
  return Promise.resolve(
    new Uint32Array(text + JSON.stringify(tools).length - 2 + (templateFields.add_generation_prompt ? 3 : 0)),
  );
}

describe("lengths of messages by a tokenizer", () => {
  it("are those of the template, tools behind the system text, the answer's begin with the last", async () => {
    const tools = [{ a: 1 }];
    const size = JSON.stringify(tools).length - 2;
    expect(await new MessageLengths().of(chatOf(["four", "one", "three"], tools), encode)).toEqual([
      6,
      size,
      5,
      10,
    ]);
    const first = { ...chatOf(["four", "one"], tools), toolsFirst: true };
    expect(await new MessageLengths().of(first, encode)).toEqual([size, 6, 8]);
  });

  it("cost one question a new message", async () => {
    let asked = 0;
    const lengths = new MessageLengths();
    const counting = (chat: ChatPrompt) => {
      asked++;
      return encode(chat);
    };
    const costs: number[] = [];
    for (const contents of [["a"], ["a", "b"], ["a", "b", "c", "d"], ["a", "b", "c", "d"]]) {
      const before = asked;
      await lengths.of(chatOf(contents), counting);
      costs.push(asked - before);
    }
    expect(costs).toEqual([3, 1, 2, 0]);
  });

  it("are not had at any price: beyond a few at once, ten questions a second", async () => {
    let nowMs = 0;
    const lengths = new MessageLengths(() => nowMs);
    const many = (seed: string) => chatOf(["s", ...Array.from({ length: 40 }, (_, i) => `${seed}${i}`)]);
    expect(await lengths.of(many("a"), encode)).toHaveLength(41);
    expect(await lengths.of(many("b"), encode)).toBeUndefined();
    nowMs += 5_000;
    expect(await lengths.of(many("b"), encode)).toHaveLength(41);
  });

  it("are unknown where the tokenizer does not answer", async () => {
    expect(await new MessageLengths().of(chatOf(["a"]), () => Promise.resolve(undefined))).toBeUndefined();
  });
});
