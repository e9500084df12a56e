import { describe, expect, it } from "vitest";
import { startServer } from "../../../lib/capture/index.js";
import { basePath, endpointHeaders } from "../../../lib/capture/loadgen/endpoint.js";
import { endpoints, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { latencyProfile } from "../../../lib/latency/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { afterTest, httpServer } from "../scratch.js";
import { optionsFor } from "./loadgen-rig.js";

describe("basePath", () => {
  it("is the same however the address is given", () => {
    for (const path of ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/messages", "/v1/responses/"])
      expect(basePath(path)).toBe("");
    expect(basePath("/gateway/v1")).toBe("/gateway");
    expect(basePath("/gateway/v1/completions")).toBe("/gateway");
  });
});

describe("endpointHeaders", () => {
  it("are a bearer token, and Anthropic's own for its API", () => {
    expect(endpointHeaders("chat", "k")).toEqual({ authorization: "Bearer k" });
    expect(endpointHeaders("responses", undefined)).toEqual({});
    expect(endpointHeaders("messages", "k")).toEqual({
      authorization: "Bearer k",
      "x-api-key": "k",
      "anthropic-version": "2023-06-01",
    });
    expect(endpointHeaders("messages", undefined)).toHaveProperty("anthropic-version");
  });
});

describe.each(endpoints)("endpoint %s", (endpoint) => {
  const load = {
    pattern: "multiturn",
    ratePerSecond: 50,
    sessions: 4,
    turns: 3,
    prefixTokens: 64,
    prefixCount: 1,
    promptTokens: 40,
    outputTokens: 24,
    endpoint,
  } as const;

  async function serve() {
    const server = await startServer({ port: 0, latency: latencyProfile("h200-qwen3-8b"), timeScale: 50 });
    afterTest(() => server.close(50));
    return server.url;
  }

  it("is measured against the served engine: counts, hits and blocks are those of the engine", async () => {
    const { trace, warnings } = await runLoadgen(optionsFor(`${await serve()}/v1`, load));
    expect(trace.records).toHaveLength(12);
    expect(trace.records.every(isComplete)).toBe(true);
    expect(warnings.filter((warning) => !warning.includes("went out late"))).toEqual([]);
    for (const record of trace.records) {
      expect(record.outputTokens).toBe(24);
      expect(record.blockIds).toHaveLength(Math.floor(record.promptTokens / 16));
      if (record.turn === 1) continue;
      const before = trace.records.find((r) => r.session === record.session && r.turn === record.turn! - 1)!;
      expect(record.promptTokens).toBeGreaterThan(before.promptTokens + 24);
      // Its own history is found, to the last full block of the prompt before.
      expect(record.cachedTokens).toBeGreaterThanOrEqual(before.promptTokens - 16);
      const shared = before.blockIds!.length;
      expect([...record.blockIds!].slice(0, shared)).toEqual([...before.blockIds!]);
    }
  });

  it("holds the conversation in its API's own form", async () => {
    const bodies: { path: string; body: Record<string, unknown>; headers: Record<string, unknown> }[] = [];
    const { url } = await httpServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      if (request.method !== "POST" || !request.url?.startsWith("/v1/"))
        return void response.writeHead(404).end();
      bodies.push({
        path: request.url,
        body: JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>,
        headers: request.headers,
      });
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(answers[endpoint]);
    });
    const { trace } = await runLoadgen(optionsFor(url, { ...load, sessions: 1, turns: 2, apiKey: "secret" }));
    expect(trace.records.every(isComplete)).toBe(true);
    expect(trace.records.map(({ outputTokens }) => outputTokens)).toEqual([2, 2]);
    const { path, body, headers } = bodies.at(-1)!;
    expect(path).toBe(
      {
        completions: "/v1/completions",
        chat: "/v1/chat/completions",
        responses: "/v1/responses",
        messages: "/v1/messages",
      }[endpoint],
    );
    expect(headers.authorization).toBe("Bearer secret");
    expect(headers["x-api-key"]).toBe(endpoint === "messages" ? "secret" : undefined);
    expect(body).toMatchObject({ model: "fake", stream: true, temperature: 0 });
    const said = expect.stringMatching(/^ ./);
    const history = [
      { role: "user", content: said },
      { role: "assistant", content: "hi" },
      { role: "user", content: said },
    ];
    switch (endpoint) {
      case "completions":
        expect(body.prompt).toMatch(/. *hi ./);
        return expect(body.max_tokens).toBe(24);
      case "chat":
        expect(body.messages).toEqual([{ role: "system", content: said }, ...history]);
        return expect(body.stream_options).toEqual({ include_usage: true });
      case "responses":
        expect(body).toMatchObject({ instructions: said, max_output_tokens: 24 });
        expect(body.input).toEqual(history.map((message) => ({ type: "message", ...message })));
        return expect(body).not.toHaveProperty("stream_options");
      case "messages":
        expect(body).toMatchObject({ system: said, messages: history, max_tokens: 24 });
        return expect(body).not.toHaveProperty("stream_options");
    }
  });
});

const data = (...events: object[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");

/** A thought and "hi", as each API streams them. */
const answers = {
  completions: data(
    { choices: [{ index: 0, text: "h" }] },
    {
      choices: [{ index: 0, text: "i", finish_reason: "stop" }],
      usage: { prompt_tokens: 200, completion_tokens: 2 },
    },
  ),
  chat: data(
    { choices: [{ index: 0, delta: { reasoning_content: "hm" } }] },
    { choices: [{ index: 0, delta: { content: "hi" }, finish_reason: "stop" }] },
    { choices: [], usage: { prompt_tokens: 200, completion_tokens: 2 } },
  ),
  responses: data(
    { type: "response.created", response: { id: "r", status: "in_progress" } },
    { type: "response.reasoning_text.delta", delta: "hm" },
    { type: "response.output_text.delta", delta: "hi" },
    {
      type: "response.completed",
      response: { status: "completed", usage: { input_tokens: 200, output_tokens: 2 } },
    },
  ),
  messages: data(
    { type: "message_start", message: { usage: { input_tokens: 200, output_tokens: 0 } } },
    { type: "ping" },
    { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
    { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "hi" } },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } },
    { type: "message_stop" },
  ),
};
