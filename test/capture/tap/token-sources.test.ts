import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { scratchFile } from "../scratch.js";
import { chatStream, post, scriptedUpstream, tapBefore } from "../tap-rig.js";

type Body = Record<string, unknown>;
interface Message {
  readonly role: string;
  readonly content: string;
}

const CHAT = "/v1/chat/completions";
const system = { role: "system", content: "You are careful and brief. ".repeat(8) };
const turns = [
  [system, { role: "user", content: "Which bridge is older?" }],
  [
    system,
    { role: "user", content: "Which bridge is older?" },
    { role: "assistant", content: "ab" },
    { role: "user", content: "And why?" },
  ],
];

const render = (messages: readonly Message[], isBegun: unknown = true) =>
  `${messages.map(({ role, content }) => `[${role}]${content}`).join("")}${isBegun ? "[assistant]" : ""}`;
const characters = (text: string) => Array.from(text, (c) => 10 + c.charCodeAt(0));

/** llama.cpp's way: `/tokenize` reads `content` alone, and begins with the model's first token where that is asked for. */
const contentTokenizer = {
  "/tokenize": ({ content, add_special: special }: Body) => ({
    tokens: typeof content === "string" ? [...(special === true ? [1] : []), ...characters(content)] : [],
  }),
  "/apply-template": ({ messages, add_generation_prompt: isBegun }: Body) => ({
    prompt: render(messages as Message[], isBegun),
  }),
};

/** vLLM's way: a prompt or messages. */
const messagesTokenizer = {
  "/tokenize": ({ prompt, messages, add_generation_prompt: isBegun }: Body) =>
    Array.isArray(messages)
      ? { tokens: characters(render(messages as Message[], isBegun)) }
      : typeof prompt === "string"
        ? { tokens: characters(prompt) }
        : 400,
};

async function recorded(
  answers: Parameters<typeof scriptedUpstream>[0],
  posts = turns.map((messages) => ({ messages }) as Body),
) {
  const upstream = await scriptedUpstream(answers);
  const tapped = await tapBefore(upstream.url);
  for (const body of posts)
    await post(tapped.url + (body.prompt === undefined ? CHAT : "/v1/completions"), {
      stream: true,
      ...body,
    });
  return { ...(await tapped.trace()), tap: tapped.tap, asked: upstream.asked };
}

describe("the tokens of chats and of texts", () => {
  for (const [name, isCounted] of [
    ["with counts by the server", true],
    ["without", false],
  ] as const)
    it(`come from a template and a tokenizer that reads only content, ${name}`, async () => {
      const lengths = turns.map((messages) => 1 + render(messages).length);
      const { meta, records, warnings } = await recorded({
        ...contentTokenizer,
        [CHAT]: ({ messages }: Body) =>
          chatStream(isCounted ? 1 + render(messages as Message[]).length : undefined),
        "/props": () => ({ total_slots: 4, build_info: "b1" }),
      });
      expect(meta.extra).toMatchObject({ text_tokens: "tokenize", chat_tokens: "apply-template" });
      expect(records.map(({ promptTokens }) => promptTokens)).toEqual(lengths);
      expect(records.map(({ blockIds }) => blockIds?.length)).toEqual(lengths.map((n) => Math.floor(n / 16)));
      const [first, second] = records.map(({ blockIds }) => Array.from(blockIds ?? []));
      const shared = Math.floor((1 + render(turns[0] ?? []).length - "[assistant]".length) / 16);
      expect(second?.slice(0, shared)).toEqual(first?.slice(0, shared));
      expect(warnings).toEqual([]);
    });

  it("are known of each message, which is asked for once", async () => {
    const { records, asked } = await recorded({ ...messagesTokenizer, [CHAT]: () => chatStream() });
    const length = ({ role, content }: Message) => `[${role}]${content}`.length;
    for (const [i, { messages, messagesBy }] of records.entries()) {
      const lengths = (turns[i] ?? []).map(length);
      lengths[lengths.length - 1] += "[assistant]".length;
      expect(messages?.map(({ tokens }) => tokens)).toEqual(lengths);
      expect(messagesBy).toBe("tokens");
    }
    const questions = asked
      .filter(({ path }) => path === "/tokenize")
      .map(({ body }) => JSON.stringify(body.messages) ?? "");
    // In the prompts that it is in, and once alone.
    expect(questions.filter((text) => text.includes("And why"))).toHaveLength(2);
    expect(questions.filter((text) => text.includes("careful"))).toHaveLength(3);
  });

  it("are bytes for every chat where only texts can be asked for: an empty list is no answer", async () => {
    const { "/tokenize": tokenize } = contentTokenizer;
    const { meta, records } = await recorded(
      { "/tokenize": tokenize, [CHAT]: () => chatStream(50), "/v1/completions": () => chatStream() },
      [{ messages: turns[0] }, { prompt: "x".repeat(40) }, { messages: turns[1] }],
    );
    expect(meta.extra).toMatchObject({ text_tokens: "tokenize", chat_tokens: "bytes" });
    expect(records.map(({ extra }) => extra?.token_source)).toEqual(["bytes", "tokenize", "bytes"]);
    expect(
      records.every(({ blockIds, promptTokens }) => blockIds?.length === Math.floor(promptTokens / 16)),
    ).toBe(true);
    expect(records[0]?.extra?.server_prompt_tokens).toBe(50);
  });

  it("come from a tokenizer that takes messages, with the tools of the chat", async () => {
    const tools = [{ type: "function", function: { name: "f", parameters: {} } }];
    const { meta, records, asked } = await recorded({ ...messagesTokenizer, [CHAT]: () => chatStream() }, [
      { messages: turns[0], tools, chat_template_kwargs: { enable_thinking: false }, model: "m" },
    ]);
    expect(meta.extra.chat_tokens).toBe("tokenize");
    expect(records[0]?.promptTokens).toBe(render(turns[0] ?? []).length);
    expect(asked.filter(({ path }) => path === "/tokenize").map(({ body }) => body)).toContainEqual({
      messages: turns[0],
      tools,
      chat_template_kwargs: { enable_thinking: false },
      model: "m",
    });
  });

  it("come with their texts from text-generation-inference", async () => {
    const { meta, records } = await recorded(
      {
        "/tokenize": ({ inputs }) =>
          typeof inputs === "string"
            ? characters(inputs).map((id) => ({ id, text: "x", start: 0, stop: 1 }))
            : 422,
        "/v1/completions": () => chatStream(),
      },
      [{ prompt: "x".repeat(40) }],
    );
    expect(meta.extra).toMatchObject({ text_tokens: "tokenize", chat_tokens: "bytes" });
    expect(records[0]).toMatchObject({ promptTokens: 40, extra: { token_source: "tokenize" } });
  });

  it("come from a tokenizer that breaks without messages", async () => {
    const { meta } = await recorded({
      "/tokenize": (body) => (body.messages ? messagesTokenizer["/tokenize"](body) : 500),
      [CHAT]: () => chatStream(),
    });
    expect(meta.extra).toMatchObject({ text_tokens: "bytes", chat_tokens: "tokenize" });
  });

  it("are not believed where more text has no more tokens", async () => {
    const { meta } = await recorded({ "/tokenize": () => ({ tokens: [1] }), [CHAT]: () => chatStream() });
    expect(meta.extra).toMatchObject({ text_tokens: "bytes", chat_tokens: "bytes" });
  });

  it("are missing in the row that the tokenizer failed, and counted; no length is 0", async () => {
    let calls = 0;
    const { records, tap } = await recorded(
      {
        "/tokenize": (body) => {
          const isChat = JSON.stringify(body).includes("careful");
          return isChat && ++calls === 2 ? 500 : messagesTokenizer["/tokenize"](body);
        },
        [CHAT]: () => chatStream(),
      },
      [0, 1, 0].map((i) => ({ messages: turns[i] })),
    );
    expect(records.map(({ blockIds }) => blockIds !== undefined)).toEqual([true, false, true]);
    expect(records[1]?.promptTokens).toBeGreaterThan(30);
    expect(records[1]?.extra).toMatchObject({
      no_hashes: "the tokenizer did not answer",
      prompt_tokens_expected: true,
    });
    expect(tap.notes.withoutHashes).toEqual({ "the tokenizer did not answer": 1 });
  });

  it("are those that the server returns where it has no tokenizer to ask and the first answer had them", async () => {
    const returned = (ids: number[]) => ({
      prompt_token_ids: ids,
      choices: [{ index: 0, message: { content: "a" }, token_ids: [7], finish_reason: "stop" }],
    });
    const long = Array.from({ length: 40 }, (_, i) => i + 1);
    const { meta, records } = await recorded(
      { [CHAT]: ({ return_token_ids: asked }) => (asked ? returned(long) : chatStream(40)) },
      [{ messages: turns[0], stream: false, return_token_ids: true }, { messages: turns[0] }],
    );
    expect(meta.extra.chat_tokens).toBe("response");
    expect(records[0]).toMatchObject({ promptTokens: 40, extra: { token_source: "response" } });
    expect(records[0]?.blockIds).toHaveLength(2);
    expect(records[1]).toMatchObject({
      promptTokens: 40,
      extra: { no_hashes: "the answer had no token ids" },
    });
  });

  it("have the tools as the server writes them, where the counts tell", async () => {
    const rendered = ({ messages, tools }: Body) =>
      render(messages as Message[]).length + JSON.stringify(tools ?? []).length;
    const usage = (tokens: number) => ({ input_tokens: tokens, output_tokens: 1 });
    const tool = { name: "f", input_schema: { type: "object" } };
    const seen = { type: "function", function: { name: "f", parameters: tool.input_schema } };
    for (const extra of [0, ',"strict":false'.length, 40]) {
      const upstream = await scriptedUpstream({
        "/tokenize": (body) =>
          body.messages ? { tokens: Array(rendered(body)).fill(7) } : messagesTokenizer["/tokenize"](body),
        "/v1/messages": ({ messages }) => ({
          type: "message",
          content: [{ type: "text", text: "hi" }],
          stop_reason: "end_turn",
          usage: usage(rendered({ messages, tools: [seen] }) + extra),
        }),
      });
      const { url, trace } = await tapBefore(upstream.url);
      for (let i = 0; i < 3; i++)
        await post(`${url}/v1/messages`, { max_tokens: 9, tools: [tool], messages: turns[1]?.slice(1) });
      const { records } = await trace();
      expect(records.map(({ blockIds }) => blockIds !== undefined)).toEqual(Array(3).fill(extra < 40));
      const asked = upstream.asked.filter(({ path, body }) => path === "/tokenize" && body.tools);
      const strict = asked.filter(({ body }) => JSON.stringify(body).includes("strict"));
      expect([asked.length >= 3, strict.length > 0]).toEqual([true, extra > 0]);
    }
  });

  it("come from a tokenizer.json where the server has none to ask, chats by the template beside it", async () => {
    const folder = dirname(scratchFile("tokenizer.json"));
    execFileSync(process.execPath, ["data/engine/make-model.mjs", folder]);
    const config = JSON.parse(readFileSync(join(folder, "tokenizer_config.json"), "utf8")) as object;
    const template =
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
    const sources: unknown[] = [];
    for (const chat_template of [undefined, template]) {
      writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ ...config, chat_template }));
      const upstream = await scriptedUpstream({
        [CHAT]: () => chatStream(),
        "/v1/completions": () => chatStream(),
      });
      const { url, trace } = await tapBefore(upstream.url, { tokenizerFile: join(folder, "tokenizer.json") });
      await post(url + CHAT, { stream: true, messages: turns[0] });
      await post(`${url}/v1/completions`, { stream: true, prompt: "x".repeat(40) });
      const { meta, records } = await trace();
      expect(records.every(({ blockIds }) => (blockIds?.length ?? 0) > 1)).toBe(true);
      sources.push(meta.extra.text_tokens, meta.extra.chat_tokens);
    }
    expect(sources).toEqual(["file", "bytes", "file", "file"]);
    await expect(
      tapBefore("http://127.0.0.1:9", { tokenizerFile: join(folder, "nothing.json") }),
    ).rejects.toThrow(/nothing\.json is no tokenizer\.json of Hugging Face/);
  });

  it("are asked for in OpenAI's form for bodies of other APIs", async () => {
    const upstream = await scriptedUpstream({
      ...messagesTokenizer,
      "/v1/messages": () => ({
        type: "message",
        content: [{ type: "text", text: "hi" }],
        stop_reason: "end_turn",
        usage: { input_tokens: 20, output_tokens: 1 },
      }),
    });
    const { url, trace } = await tapBefore(upstream.url);
    await post(`${url}/v1/messages`, {
      model: "m",
      max_tokens: 9,
      system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
      messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
    });
    const { records } = await trace();
    expect(records[0]).toMatchObject({
      promptTokens: render([
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hello" },
      ]).length,
      extra: { token_source: "tokenize", server_prompt_tokens: 20 },
    });
    const asked = upstream.asked.filter(({ path }) => path === "/tokenize").map(({ body }) => body.messages);
    expect(asked).toContainEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hello" },
    ]);
  });
});
