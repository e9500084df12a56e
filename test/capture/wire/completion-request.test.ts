import { describe, expect, it } from "vitest";
import {
  ANSWER_BEGIN,
  type CompletionRequest,
  chatParts,
  chatText,
  completionEndpoint,
  completionRequest,
  type PromptThing,
} from "../../../lib/capture/wire/index.js";

const weather = {
  name: "get_weather",
  description: "Weather of a city",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const weatherFunction = {
  type: "function",
  function: { name: weather.name, description: weather.description, parameters: weather.schema },
};

function read(path: string, body: unknown): CompletionRequest {
  const endpoint = completionEndpoint(path);
  if (!endpoint) throw new Error(`${path} is no completion`);
  const request = completionRequest(endpoint, body);
  if (typeof request === "string") throw new Error(request);
  return request;
}

function chatOf(request: CompletionRequest) {
  const [prompt] = request.prompts;
  if (prompt?.kind !== "chat") throw new Error(`no chat: ${prompt?.kind}`);
  return prompt.chat;
}

const rolesOf = (request: CompletionRequest) => chatParts(chatOf(request)).map(({ role }) => role);

describe("a request of any API", () => {
  it("has the text of a plain chat, tools behind the system text, and its settings", () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Hello" }] },
    ];
    const plain = read("/v1/chat/completions", {
      model: "m",
      messages,
      stream: true,
      max_completion_tokens: 9,
      n: 2,
    });
    expect(plain).toMatchObject({ api: "chat", model: "m", isStreamed: true, n: 2, maxOutputTokens: 9 });
    const text =
      chatParts(chatOf(plain))
        .flatMap(({ pieces }) => pieces)
        .join("") + ANSWER_BEGIN;
    expect(text).toBe(chatText(messages));
    expect(rolesOf(read("/v1/chat/completions", { messages, tools: [weatherFunction] }))).toEqual([
      "system",
      "tools",
      "user",
    ]);
  });

  it("takes Anthropic's blocks for messages: tools first, results as tool messages, thinking as reasoning", () => {
    const request = read("/v1/messages", {
      model: "claude",
      max_tokens: 1024,
      stream: true,
      system: [
        { type: "text", text: "x-anthropic-billing-header: cc_version=2; cch=81f3;" },
        { type: "text", text: "You are careful.", cache_control: { type: "ephemeral" } },
      ],
      tools: [{ name: weather.name, description: weather.description, input_schema: weather.schema }],
      messages: [
        { role: "user", content: "Weather in Bern?" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "I ask the tool.", signature: "c2ln" },
            { type: "text", text: "One moment." },
            { type: "tool_use", id: "toolu_1", name: "get_weather", input: { city: "Bern" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "12 degrees" }] },
            { type: "text", text: "And Basel?", cache_control: { type: "ephemeral" } },
          ],
        },
      ],
    });
    expect(request).toMatchObject({ api: "messages", isStreamed: true, maxOutputTokens: 1024 });
    expect(rolesOf(request)).toEqual(["tools", "system", "user", "assistant", "tool", "user"]);
    expect(chatOf(request)).toMatchObject({
      tools: [weatherFunction],
      messages: [
        { role: "system", content: "You are careful." },
        { role: "user", content: "Weather in Bern?" },
        {
          role: "assistant",
          content: "One moment.",
          reasoning: "I ask the tool.",
          tool_calls: [{ id: "toolu_1", function: { name: "get_weather", arguments: '{"city":"Bern"}' } }],
        },
        { role: "tool", tool_call_id: "toolu_1", content: "12 degrees" },
        { role: "user", content: "And Basel?" },
      ],
    });
  });

  it("takes the items of a response for messages: one answer's parts are one message", () => {
    const request = read("/v1/responses", {
      model: "m",
      instructions: "You are careful.",
      max_output_tokens: 20,
      tools: [
        {
          type: "function",
          name: weather.name,
          description: weather.description,
          parameters: weather.schema,
        },
      ],
      input: [
        { role: "user", content: [{ type: "input_text", text: "Weather in Bern?" }] },
        { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "I ask." }] },
        {
          type: "function_call",
          id: "fc_1",
          call_id: "call_1",
          name: "get_weather",
          arguments: '{"city":"Bern"}',
        },
        { type: "function_call_output", call_id: "call_1", output: "12 degrees" },
      ],
    });
    expect(request).toMatchObject({ api: "responses", isStreamed: false, maxOutputTokens: 20 });
    expect(chatOf(request)).toMatchObject({
      tools: [weatherFunction],
      messages: [
        { role: "system", content: "You are careful." },
        { role: "user", content: "Weather in Bern?" },
        { role: "assistant", reasoning: "I ask.", tool_calls: [{ id: "call_1" }] },
        { role: "tool", tool_call_id: "call_1", content: "12 degrees" },
      ],
    });
    expect(chatOf(read("/v1/responses", { input: "Hello" })).messages).toEqual([
      { role: "user", content: "Hello" },
    ]);
  });

  it("says that a conversation is not known where a response names one that did not pass by", () => {
    for (const body of [{ previous_response_id: "resp_1" }, { conversation: { id: "conv_1" } }])
      expect(read("/v1/responses", { ...body, input: "And then?" }).prompts[0]).toMatchObject({
        kind: "unknown",
      });
  });

  it("takes Google's contents for messages, in camel and in snake case", () => {
    const contents = [
      { role: "user", parts: [{ text: "Weather in Bern?" }] },
      { role: "model", parts: [{ functionCall: { name: "get_weather", args: { city: "Bern" } } }] },
      { role: "user", parts: [{ functionResponse: { name: "get_weather", response: { degrees: 12 } } }] },
    ];
    const declared = { name: weather.name, description: weather.description, parameters: weather.schema };
    const camel = read("/v1beta/models/g:streamGenerateContent?alt=sse", {
      systemInstruction: { parts: [{ text: "You are careful." }] },
      contents,
      tools: [{ functionDeclarations: [declared] }],
      generationConfig: { maxOutputTokens: 12, candidateCount: 2 },
    });
    const snake = read("/v1beta/models/g:streamGenerateContent", {
      system_instruction: { parts: [{ text: "You are careful." }] },
      contents,
      tools: [{ function_declarations: [declared] }],
    });
    expect(camel).toMatchObject({ api: "gemini", model: "g", isStreamed: true, maxOutputTokens: 12, n: 2 });
    expect(rolesOf(camel)).toEqual(["system", "tools", "user", "assistant", "tool"]);
    expect(chatOf(snake)).toEqual(chatOf(camel));
  });

  it("takes Ollama's chats and prompts, which are streamed unless they say not", () => {
    const chat = read("/api/chat", {
      model: "llama3",
      messages: [{ role: "user", content: "What is this?", images: ["aGVsbG8="] }],
      options: { num_predict: 5 },
    });
    expect(chat).toMatchObject({ isStreamed: true, maxOutputTokens: 5 });
    expect(chatParts(chatOf(chat))[0]?.pieces[1]).toMatchObject({ thing: "image" });
    expect(read("/api/chat", { messages: [{ role: "user", content: "Hi" }], stream: false }).isStreamed).toBe(
      false,
    );
    const prompt = read("/api/generate", { model: "llama3", system: "Be brief.", prompt: "Hi" });
    expect(chatOf(prompt).messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
    ]);
    expect(read("/api/generate", { prompt: "Hi", raw: true }).prompts).toMatchObject([
      { kind: "text", text: "Hi" },
    ]);
  });

  it("has ids, texts, and lists of either as prompts", () => {
    expect(read("/v1/completions", { prompt: [1, 2, 3] }).prompts).toMatchObject([{ kind: "ids" }]);
    expect(read("/v1/completions", { prompt: ["a", [1, 2]], n: 2 })).toMatchObject({
      n: 2,
      prompts: [{ kind: "text" }, { kind: "ids" }],
    });
  });

  it("takes a prompt where a chat may be, as /invocations does", () => {
    expect(read("/invocations", { prompt: "a" }).prompts).toMatchObject([{ kind: "text" }]);
    expect(read("/invocations", { messages: [{ role: "user", content: "a" }] }).prompts).toMatchObject([
      { kind: "chat" },
    ]);
  });

  it("says why a body is not read, without repeating it", () => {
    const why = (path: string, body: unknown) => {
      const endpoint = completionEndpoint(path);
      return endpoint && completionRequest(endpoint, body);
    };
    expect(why("/v1/completions", "secret")).toBe("a body that is no JSON object");
    expect(why("/v1/completions", { prompt: { secret: 1 } })).toMatch(
      /^a body of completions without a prompt/,
    );
    expect(why("/v1/chat/completions", { messages: [{ content: "secret" }] })).toMatch(/without a prompt/);
    expect(why("/v1/messages", { messages: [] })).toMatch(/without a prompt/);
    expect(why("/v1/completions", { prompt: Array.from({ length: 2000 }, () => "a") })).toMatch(
      /1024 choices/,
    );
    expect(why("/v1/completions", { prompt: "a", n: 5000 })).toMatch(/1024 choices/);
  });
});

describe("what is no text in a prompt", () => {
  const base64 = Buffer.from("picture".repeat(200)).toString("base64");
  const things = (path: string, body: unknown) =>
    chatParts(chatOf(read(path, body)))
      .flatMap(({ pieces }) => pieces)
      .filter((piece): piece is PromptThing => typeof piece !== "string");
  const chat = (content: unknown) => ({ messages: [{ role: "user", content }] });

  it.each([
    [
      "image_url",
      "/v1/chat/completions",
      chat([{ type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } }]),
    ],
    [
      "image_url, low",
      "/v1/chat/completions",
      chat([{ type: "image_url", image_url: { url: "https://h/a.png", detail: "low" } }]),
    ],
    [
      "input_audio",
      "/v1/chat/completions",
      chat([{ type: "input_audio", input_audio: { data: base64, format: "wav" } }]),
    ],
    [
      "file",
      "/v1/chat/completions",
      chat([{ type: "file", file: { filename: "a.pdf", file_data: base64 } }]),
    ],
    [
      "video_url",
      "/v1/chat/completions",
      chat([{ type: "video_url", video_url: { url: "https://h/a.mp4" } }]),
    ],
    ["an unknown part with base64", "/v1/chat/completions", chat([{ type: "hologram", bytes: base64 }])],
    [
      "Anthropic's image",
      "/v1/messages",
      chat([{ type: "image", source: { type: "base64", media_type: "image/png", data: base64 } }]),
    ],
    [
      "Anthropic's document",
      "/v1/messages",
      chat([{ type: "document", source: { type: "base64", media_type: "application/pdf", data: base64 } }]),
    ],
    [
      "an image in a tool's result",
      "/v1/messages",
      chat([
        {
          type: "tool_result",
          tool_use_id: "t",
          content: [{ type: "image", source: { type: "url", url: "https://h/a.png" } }],
        },
      ]),
    ],
    [
      "input_image",
      "/v1/responses",
      { input: chat([{ type: "input_image", image_url: "https://h/a.png" }]).messages },
    ],
    ["input_file", "/v1/responses", { input: chat([{ type: "input_file", file_id: "file-1" }]).messages }],
    [
      "inlineData",
      "/v1beta/models/g:generateContent",
      { contents: [{ parts: [{ inlineData: { mimeType: "image/png", data: base64 } }] }] },
    ],
    [
      "fileData",
      "/v1beta/models/g:generateContent",
      { contents: [{ parts: [{ fileData: { fileUri: "gs://b/a" } }] }] },
    ],
    ["images", "/api/generate", { prompt: "x", images: [base64] }],
  ])("is one thing: %s", (_name, path, body) => {
    expect(things(path, body)).toHaveLength(1);
    expect(JSON.stringify(chatParts(chatOf(read(path, body))))).not.toContain(base64.slice(0, 40));
  });

  it("is the same thing in every API, and another one when its bytes are others", () => {
    const anthropic = (data: string) =>
      chat([
        {
          type: "image",
          source: { type: "base64", media_type: "image/png", data },
          cache_control: { type: "ephemeral" },
        },
      ]);
    const openai = chat([{ type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } }]);
    expect(things("/v1/messages", anthropic(base64))).toEqual(things("/v1/chat/completions", openai));
    expect(things("/v1/messages", anthropic(`${base64}AA`))).not.toEqual(
      things("/v1/chat/completions", openai),
    );
  });

  it("is not reasoning that a provider has sealed: a short name of it stands for it", () => {
    const reasoning = { type: "reasoning", summary: [], encrypted_content: base64 };
    const responses = {
      input: [{ role: "user", content: "Hi" }, reasoning, { role: "user", content: "And?" }],
    };
    const details = [{ type: "reasoning.encrypted", data: base64 }];
    const assistant = { role: "assistant", content: "a", reasoning_details: details };
    for (const [path, body] of [
      ["/v1/responses", responses],
      ["/v1/chat/completions", { messages: [assistant] }],
    ] as const) {
      expect(things(path, body)).toEqual([]);
      const text = JSON.stringify(chatParts(chatOf(read(path, body))));
      expect(text).toMatch(/[0-9a-f]{16}/);
      expect(text.length).toBeLessThan(500);
    }
  });

  it("is not what reads like text: a document of plain text is text", () => {
    const document = {
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "A letter." },
    };
    expect(chatOf(read("/v1/messages", chat([document]))).messages).toEqual([
      { role: "user", content: "A letter." },
    ]);
  });
});
