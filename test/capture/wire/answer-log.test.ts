import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnswerLog, answerEnding } from "../../../lib/capture/wire/index.js";

const sse = (...events: readonly unknown[]) =>
  events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
const chat = (delta: object, more: object = {}) => ({ choices: [{ index: 0, delta, ...more }] });
const usage = {
  prompt_tokens: 100,
  completion_tokens: 2,
  prompt_tokens_details: { cached_tokens: 64 },
};

/** An answer whose parts arrive 10 ms apart, from 10 ms on. */
function read(parts: readonly string[], keepsText = false): AnswerLog {
  const log = new AnswerLog(keepsText);
  for (const [at, part] of parts.entries()) log.push(Buffer.from(part), 10 * (at + 1));
  log.end(10 * parts.length);
  return log;
}

const ending = (log: AnswerLog) => answerEnding(log, log.first?.finishReason, "complete", 200);

describe("what is a token", () => {
  it.each<[string, object]>([
    ["text", { content: "hi" }],
    ["reasoning (vLLM)", { reasoning: "hm" }],
    ["reasoning_content (DeepSeek)", { reasoning_content: "hm", content: "" }],
    ["thinking", { thinking: "hm", content: "" }],
    [
      "reasoning_details (OpenRouter)",
      { content: "", reasoning_details: [{ type: "reasoning.text", text: "hm" }] },
    ],
    ["thinking_blocks (LiteLLM)", { thinking_blocks: [{ type: "thinking", thinking: "hm", signature: "" }] }],
    [
      "content in parts (Mistral)",
      { content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] },
    ],
    ["a refusal", { refusal: "No" }],
    [
      "a tool's name",
      { tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "f", arguments: "" } }] },
    ],
    ["a tool's arguments", { tool_calls: [{ index: 0, function: { arguments: "{" } }] }],
    ["a function call", { content: null, function_call: { name: "f", arguments: "" } }],
    ["speech", { audio: { id: "a", data: "AAAA" } }],
    ["a field that nobody knows", { inner_monologue: "hm" }],
  ])("%s", (_name, delta) => {
    const log = read(
      sse(
        chat({ role: "assistant", content: "" }),
        chat(delta),
        chat({}, { finish_reason: "stop" }),
        "[DONE]",
      ),
    );
    expect(log.first?.chunkAtMs).toEqual([20]);
    expect(log.first?.streamedTokens).toBe(1);
    expect(ending(log)).toBe("stop");
  });

  it.each<[string, unknown]>([
    ["a role", chat({ role: "assistant" })],
    ["an empty text", chat({ content: "" })],
    ["nothing", chat({ content: null, refusal: null, tool_calls: [] })],
    [
      "a signature of thinking",
      chat({ reasoning_details: [{ type: "reasoning.text", text: "", signature: "x", format: "y" }] }),
    ],
    ["sources", chat({ annotations: [{ type: "url_citation", url: "http://x" }] })],
    ["usage", { choices: [], usage }],
    ["a ping", { type: "ping" }],
    ["an empty object", {}],
    ["an empty event", ""],
    ["a comment's word", "keep-alive"],
  ])("not %s", (_name, event) => {
    const log = read(sse(event, chat({ content: "hi" }), "[DONE]"));
    expect(log.first?.chunkAtMs).toEqual([20]);
    expect([log.errorMessage, log.unknownEvents]).toEqual([undefined, 0]);
  });
});

describe("an error in a stream, whatever its dress", () => {
  it.each<[string, string]>([
    ["an object with a message", sse({ error: { message: "gone", code: 500 } })[0]],
    ["an object without", sse({ error: { code: 500, type: "server_error" } })[0]],
    ["a text", sse({ error: "gone" })[0]],
    [
      "beside choices (OpenRouter)",
      sse({ ...chat({ content: "" }, { finish_reason: "error" }), error: { message: "gone" } })[0],
    ],
    ["error_code (FastChat)", sse({ text: "gone", error_code: 50002 })[0]],
    ["errorMessage", sse({ errorMessage: "gone" })[0]],
    ["a kind", sse({ object: "error", message: "gone", code: 40001 })[0]],
    [
      "Anthropic's",
      `event: error\n${sse({ type: "error", error: { type: "overloaded_error", message: "gone" } })[0]}`,
    ],
    ["an event named error", `event: error\n${sse({ message: "gone" })[0]}`],
    ["an event named error, of text", "event: error\ndata: gone\n\n"],
    ["FastAPI's detail", sse({ detail: "gone" })[0]],
    ["a code of HTTP", sse({ code: 503, message: "gone" })[0]],
    ["a status", sse({ status: "failed" })[0]],
    ["text that says so", sse("Internal Server Error")[0]],
    ["a document", '{"error": {"message": "gone"}}'],
    [
      "response.failed",
      sse({ type: "response.failed", response: { status: "failed", error: { message: "gone" } } })[0],
    ],
  ])("%s", (_name, failure) => {
    const log = read([
      ...(failure.startsWith("{") ? [] : sse(chat({ content: "a" }))),
      failure,
      ...(failure.startsWith("{") ? [] : sse("[DONE]")),
    ]);
    expect(log.errorMessage).toBeTruthy();
    expect(ending(log)).toBe("error");
  });

  it.each<[string, object]>([
    ["null", { ...chat({ content: "a" }), error: null }],
    ["empty", { ...chat({ content: "a" }), error: {} }],
    ["a code of zero (FastChat)", { ...chat({ content: "a" }), error_code: 0 }],
    [
      "in what was generated",
      chat({ content: "", tool_calls: [{ function: { name: "report_error", arguments: '{"error": 1}' } }] }),
    ],
  ])("not one that is %s", (_name, event) => {
    const log = read(sse(event, chat({}, { finish_reason: "stop" }), "[DONE]"));
    expect(log.errorMessage).toBeUndefined();
    expect(ending(log)).toBe("stop");
  });
});

describe("usage, wherever it stands", () => {
  it.each<[string, object]>([
    ["in a last event without choices", { choices: [], usage }],
    ["in x_groq", { ...chat({}, { finish_reason: "stop" }), x_groq: { usage } }],
    [
      "in a choice (Moonshot)",
      { choices: [{ delta: {}, usage: { prompt_tokens: 100, completion_tokens: 2, cached_tokens: 64 } }] },
    ],
    [
      "DeepSeek's names",
      {
        choices: [],
        usage: {
          prompt_tokens: 100,
          completion_tokens: 2,
          prompt_cache_hit_tokens: 64,
          prompt_cache_miss_tokens: 36,
        },
      },
    ],
    [
      "llama.cpp's timings beside it",
      {
        choices: [],
        usage: { prompt_tokens: 100, completion_tokens: 2 },
        timings: { cache_n: 64, prompt_n: 36, predicted_n: 2 },
      },
    ],
    ["llama.cpp's timings alone", { choices: [], timings: { cache_n: 64, prompt_n: 36, predicted_n: 2 } }],
    [
      "Responses'",
      {
        type: "response.completed",
        response: {
          usage: { input_tokens: 100, output_tokens: 2, input_tokens_details: { cached_tokens: 64 } },
        },
      },
    ],
    [
      "Anthropic's, three counts that share nothing",
      {
        type: "message_start",
        message: {
          usage: {
            input_tokens: 6,
            cache_read_input_tokens: 64,
            cache_creation_input_tokens: 30,
            output_tokens: 2,
          },
        },
      },
    ],
    [
      "Gemini's",
      {
        candidates: [],
        usageMetadata: {
          promptTokenCount: 100,
          cachedContentTokenCount: 64,
          candidatesTokenCount: 1,
          thoughtsTokenCount: 1,
        },
      },
    ],
  ])("%s", (_name, event) => {
    expect(read(sse(event)).usage).toEqual({ promptTokens: 100, outputTokens: 2, cachedTokens: 64 });
  });

  it("Ollama's, in its last line", () => {
    const lines = [
      '{"model":"m","message":{"role":"assistant","content":"a"},"done":false}\n',
      '{"model":"m","message":{"role":"assistant","content":"b"},"done":false}\n',
      '{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":100,"eval_count":2}\n',
    ];
    const log = read(lines);
    expect(log.usage).toEqual({ promptTokens: 100, outputTokens: 2 });
    expect([log.isStreamed, log.first?.chunkAtMs, ending(log)]).toEqual([true, [10, 20], "stop"]);
  });

  it("is not made smaller by zeros that come later, nor told by zeros alone", () => {
    const zero = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
    const after = read(sse({ ...chat({ content: "a" }), usage }, { choices: [], usage: zero }));
    expect(after.usage).toEqual({ promptTokens: 100, outputTokens: 2, cachedTokens: 64 });
    expect(read(sse({ ...chat({ content: "a" }), usage: zero })).usage?.promptTokens).toBeFalsy();
  });

  it("keeps the last of counts that run", () => {
    const running = [1, 2, 3].map((completion_tokens) => ({
      ...chat({ content: "a" }),
      usage: { prompt_tokens: 9, completion_tokens },
    }));
    expect(read(sse(...running)).usage).toEqual({ promptTokens: 9, outputTokens: 3 });
  });
});

describe("an answer of each API", () => {
  it("Messages: from the first block's text to its stop", () => {
    const log = read(
      [
        {
          type: "message_start",
          message: { id: "msg_1", usage: { input_tokens: 10, cache_read_input_tokens: 64 } },
        },
        {
          type: "content_block_start",
          index: 0,
          content_block: { type: "thinking", thinking: "", signature: "" },
        },
        { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
        { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "xyz" } },
        { type: "content_block_stop", index: 0 },
        { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "hi" } },
        { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 7 } },
        { type: "message_stop" },
      ].map((event) => `event: ${event.type}\n${sse(event)[0]}`),
      true,
    );
    expect(log.first?.chunkAtMs).toEqual([30, 60]);
    expect(log.usage).toEqual({ promptTokens: 74, outputTokens: 7, cachedTokens: 64 });
    expect([log.responseId, log.isDone, log.first?.text, ending(log)]).toEqual([
      "msg_1",
      true,
      "hi",
      "end_turn",
    ]);
  });

  it("Responses: reasoning, a tool's name and arguments, text", () => {
    const log = read(
      sse(
        {
          type: "response.created",
          response: { id: "resp_1", status: "in_progress", error: null, tools: [{ name: "f" }] },
        },
        { type: "response.output_item.added", item: { type: "reasoning", id: "r" } },
        { type: "response.reasoning_text.delta", delta: "hm" },
        { type: "response.output_item.added", item: { type: "function_call", name: "f", arguments: "" } },
        { type: "response.function_call_arguments.delta", delta: "{}" },
        { type: "response.output_text.delta", delta: "hi" },
        { type: "response.output_text.done", text: "hi" },
        {
          type: "response.completed",
          response: { id: "resp_1", status: "completed", usage: { input_tokens: 9, output_tokens: 4 } },
        },
      ),
      true,
    );
    expect(log.first?.chunkAtMs).toEqual([30, 40, 50, 60]);
    expect([log.responseId, log.isDone, log.first?.text, ending(log)]).toEqual([
      "resp_1",
      true,
      "hi",
      "stop",
    ]);
    const cut = sse({
      type: "response.incomplete",
      response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
    });
    expect(ending(read(cut))).toBe("length");
  });

  it("Gemini: as events, or as the members of one array", () => {
    const events = [
      { candidates: [{ content: { parts: [{ text: "hm", thought: true }] } }] },
      {
        candidates: [{ content: { parts: [{ text: "hi" }] }, finishReason: "STOP" }],
        usageMetadata: { promptTokenCount: 9 },
      },
    ];
    for (const parts of [
      sse(...events),
      [`[${JSON.stringify(events[0])}`, `,\n${JSON.stringify(events[1])}]`],
    ]) {
      const log = read(parts, true);
      expect(log.first?.chunkAtMs).toEqual([10, 20]);
      expect([log.isStreamed, log.first?.text, ending(log)]).toEqual([true, "hi", "STOP"]);
    }
  });

  it.each<[string, object, string]>([
    [
      "completions",
      { id: "cmpl-1", choices: [{ index: 0, text: "hi", finish_reason: "length" }], usage },
      "length",
    ],
    [
      "chat",
      {
        choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
        usage,
      },
      "stop",
    ],
    [
      "responses",
      {
        object: "response",
        id: "r",
        status: "completed",
        output: [{ type: "message", content: [{ type: "output_text", text: "hi" }] }],
      },
      "stop",
    ],
    [
      "messages",
      { type: "message", id: "m", content: [{ type: "text", text: "hi" }], stop_reason: "max_tokens" },
      "max_tokens",
    ],
    ["gemini", { candidates: [{ content: { parts: [{ text: "hi" }] }, finishReason: "STOP" }] }, "STOP"],
    ["ollama", { message: { role: "assistant", content: "hi" }, done: true, done_reason: "stop" }, "stop"],
  ])("%s, as a whole: its text and end, and no times", (_name, document, reason) => {
    const text = JSON.stringify(document, null, 1);
    const log = read([text.slice(0, 20), text.slice(20)], true);
    expect([log.isStreamed, log.isDone, log.first?.text, ending(log)]).toEqual([false, true, "hi", reason]);
    expect(log.first?.chunkAtMs).toEqual([]);
    expect(log.first?.characters).toBe(2);
  });
});

describe("a stream", () => {
  const events = [
    ...sse(chat({ role: "assistant", content: "" }), chat({ content: "héllo" }), chat({ content: " 🌍" })),
    ": comment\r\n\r\n",
    ...sse(chat({}, { finish_reason: "stop" }), { choices: [], usage }, "[DONE]"),
  ];

  it("reads the same however its bytes are cut", () => {
    const bytes = Buffer.from(events.join(""));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (drawn) => {
        const cuts = [0, ...drawn.sort((a, b) => a - b), bytes.length];
        const log = new AnswerLog(true);
        for (let i = 1; i < cuts.length; i++) log.push(bytes.subarray(cuts[i - 1], cuts[i]), 0);
        log.end(0);
        expect([log.first?.text, log.first?.streamedTokens, log.isDone, ending(log)]).toEqual([
          "héllo 🌍",
          2,
          true,
          "stop",
        ]);
        expect(log.usage?.promptTokens).toBe(100);
      }),
    );
  });

  it("is one whatever its content type is called, with or without a byte order mark", () => {
    expect(read(["\ufeff", ...events], true).first?.text).toBe("héllo 🌍");
    expect(read(["\n\n", ...events], true).first?.text).toBe("héllo 🌍");
  });

  it("is read to its last event, also where the blank line behind it never comes", () => {
    const log = read(["data: ", JSON.stringify(chat({ content: "a" }, { finish_reason: "stop" }))]);
    expect(ending(log)).toBe("stop");
  });

  it("counts events that nothing is known of", () => {
    const log = read(sse(chat({ content: "a" }), { sparkline: [1, 2] }, "half an ev", "[DONE]"));
    expect(log.unknownEvents).toBe(2);
    expect(ending(log)).toBe("stop");
  });
});

describe("the ending of an answer", () => {
  const done = { errorMessage: undefined, isDone: true };
  const open = { errorMessage: undefined, isDone: false };
  it.each([
    [open, undefined, "complete", 200, "truncated"],
    [done, undefined, "complete", 200, "stop"],
    [open, "eos", "complete", 200, "eos"],
    [open, "stop", "abort", 200, "abort"],
    [done, "stop", "abort", 200, "stop"],
    [open, undefined, "timeout", 200, "timeout"],
    [open, undefined, "disconnect", undefined, "disconnect"],
    [{ errorMessage: "gone", isDone: true }, "stop", "complete", 200, "error"],
    [done, "stop", "complete", 429, "error"],
    [undefined, undefined, "abort", undefined, "abort"],
  ] as const)(
    "%j with reason %s, transport %s, status %s is %s",
    (answer, reason, transport, status, expected) => {
      expect(answerEnding(answer, reason, transport, status)).toBe(expected);
    },
  );
});
