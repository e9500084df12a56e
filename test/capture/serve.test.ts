import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import { type ServeOptions, startServer } from "../../lib/capture/index.js";
import { RequestWriter } from "../../lib/capture/loadgen/request-writer.js";
import { learnServer } from "../../lib/capture/loadgen/server-facts.js";
import { runFleet } from "../../lib/fleet/index.js";
import { emptyStepLoad, latencyProfile } from "../../lib/latency/index.js";
import { afterTest, eventually } from "./scratch.js";

const latency = latencyProfile("h200-qwen3-8b");

async function serve(options: Partial<ServeOptions> = {}) {
  const server = await startServer({ port: 0, latency, timeScale: 50, ...options });
  afterTest(() => server.close(50));
  return server;
}

async function post(url: string, path: string, body: unknown) {
  const answer = await request(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    json: (await answer.body.json()) as never as Answer,
  };
}

interface Answer {
  choices: { text: string; finish_reason: string; token_ids?: number[]; prompt_token_ids?: number[] }[];
  usage: {
    prompt_tokens: number;
    completion_tokens: number;
    prompt_tokens_details: { cached_tokens: number };
  };
  error: { message: string; param: string | null; code: number };
  tokens: number[];
  data: { id: string; max_model_len: number }[];
  prompt: string;
  version: string;
}

/** The value of a metric, summed over its label sets. */
async function metric(url: string, name: string, label = ""): Promise<number> {
  const text = await (await request(`${url}/metrics`)).body.text();
  const lines = text.split("\n").filter((line) => line.startsWith(`vllm:${name}{`) && line.includes(label));
  expect(lines, `${name} in /metrics`).not.toHaveLength(0);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

const words = (count: number) => "lorem ipsum ".repeat(Math.ceil(count / 12)).slice(0, count);

describe("the served engine", () => {
  it("answers the same prompt with the same text, counts bytes as tokens, and finds the prompt the second time", async () => {
    const { url } = await serve();
    const body = { model: "any", prompt: words(100), max_tokens: 20, ignore_eos: true, min_tokens: 20 };
    const first = (await post(url, "/v1/completions", body)).json;
    const second = (await post(url, "/v1/completions", body)).json;
    expect(first.choices[0]?.text).toHaveLength(20);
    expect(first.choices[0]?.finish_reason).toBe("length");
    expect(second.choices[0]?.text).toBe(first.choices[0]?.text);
    expect(first.usage).toMatchObject({ prompt_tokens: 100, completion_tokens: 20 });
    expect(first.usage.prompt_tokens_details.cached_tokens).toBe(0);
    expect(second.usage.prompt_tokens_details.cached_tokens).toBe(96);
  });

  it("loads from CPU memory what its pool has lost, in engine time, and counts it apart", async () => {
    const tiers = { cpuKvGib: 1, cpuKvGbps: 1 };
    const { url } = await serve({ engine: { blockSize: 16, kvCacheBlocks: 16, ...tiers } });
    const ask = async (letter: string) =>
      (await post(url, "/v1/completions", { prompt: letter.repeat(200), max_tokens: 4 })).json.usage
        .prompt_tokens_details.cached_tokens;
    expect([await ask("a"), await ask("b"), await ask("a")]).toEqual([0, 0, 192]);
    const fromPool = await metric(url, "prefix_cache_hits_total");
    const loaded = await metric(url, "external_prefix_cache_hits_total");
    expect(loaded).toBeGreaterThan(0);
    expect(fromPool + loaded).toBe(192);
  });

  it("finds generated blocks too: the next turn hits the last turn's prompt and answer", async () => {
    const { url } = await serve();
    const prompt = Array.from({ length: 64 }, (_, i) => 1000 + i);
    const first = (await post(url, "/v1/completions", { prompt, max_tokens: 33, return_token_ids: true }))
      .json;
    const answer = first.choices[0]?.token_ids as number[];
    expect(first.choices[0]?.prompt_token_ids).toEqual(prompt);
    expect(answer).toHaveLength(33);
    const next = (await post(url, "/v1/completions", { prompt: [...prompt, ...answer, 5, 6], max_tokens: 1 }))
      .json;
    expect(next.usage.prompt_tokens_details.cached_tokens).toBe(96);
    const text = (await post(url, "/v1/completions", { prompt: first.choices[0]?.text as string })).json;
    expect(text.usage.prompt_tokens_details.cached_tokens).toBe(0);
  });

  it("finds nothing with prefix caching off", async () => {
    const { url } = await serve({ engine: { enablePrefixCaching: false } });
    await post(url, "/v1/completions", { prompt: words(100) });
    const again = (await post(url, "/v1/completions", { prompt: words(100) })).json;
    expect(again.usage.prompt_tokens_details.cached_tokens).toBe(0);
    expect(await metric(url, "prefix_cache_queries_total")).toBe(0);
  });

  it("takes the time that the latency model says, in engine time", async () => {
    const { url } = await serve();
    await post(url, "/v1/completions", { prompt: words(164), max_tokens: 3 });
    const timer = latency.timer(0);
    const idle = emptyStepLoad();
    const prefillMs = timer.stepMs({
      ...idle,
      prefillTokens: 164,
      prefillTokenDepth: 164 ** 2 / 2,
      prefillSeqs: 1,
    });
    const ttftMs = timer.arrivalOverheadMs(164) + prefillMs;
    const gapsMs = [165, 166].map((decodeContextTokens) =>
      timer.stepMs({ ...idle, decodeSeqs: 1, decodeContextTokens }),
    );
    expect(1000 * (await metric(url, "time_to_first_token_seconds_sum"))).toBeCloseTo(ttftMs, 1);
    expect(1000 * (await metric(url, "inter_token_latency_seconds_sum"))).toBeCloseTo(
      gapsMs.reduce((a, b) => a + b),
      6,
    );
  });

  it("is usable with the official client: models, chat in a stream, usage, and a conversation that grows", async () => {
    const { url } = await serve();
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    expect((await client.models.list()).data[0]?.id).toBe("h200-qwen3-8b");
    const messages: OpenAI.Chat.ChatCompletionMessageParam[] = [{ role: "user", content: words(200) }];
    const turns: { text: string; cached: number; prompt: number }[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const stream = await client.chat.completions.create({
        model: "h200-qwen3-8b",
        messages,
        max_completion_tokens: 40,
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      let usage: OpenAI.CompletionUsage | null | undefined;
      const finishes: string[] = [];
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        if (chunk.choices[0]?.finish_reason) finishes.push(chunk.choices[0].finish_reason);
        usage = chunk.usage ?? usage;
      }
      expect(finishes).toEqual(["length"]);
      expect(text).toHaveLength(40);
      turns.push({
        text,
        cached: usage?.prompt_tokens_details?.cached_tokens ?? -1,
        prompt: usage?.prompt_tokens ?? -1,
      });
      messages.push({ role: "assistant", content: text }, { role: "user", content: words(30) });
    }
    expect(turns[0]?.cached).toBe(0);
    for (const turn of [1, 2]) {
      const before = turns[turn - 1] as (typeof turns)[0];
      // The last token of an answer is never fed back, so its block may be missing.
      expect(turns[turn]?.cached).toBe(Math.floor((before.prompt + 40 - 1) / 16) * 16);
    }
    const whole = await client.completions.create({ model: "m", prompt: "a", max_tokens: 5 });
    expect(whole.usage?.completion_tokens).toBe(5);
    await expect(client.completions.create({ model: "m", prompt: "" })).rejects.toThrow(
      /prompt must not be empty/,
    );
  });

  it("ends at a stop string, which is not in the text", async () => {
    const { url } = await serve();
    const whole = (await post(url, "/v1/completions", { prompt: "abc", max_tokens: 60 })).json.choices[0]
      ?.text as string;
    const stop = whole.slice(30, 34);
    const { json } = await post(url, "/v1/completions", { prompt: "abc", max_tokens: 60, stop: [stop, "@"] });
    expect(json.choices[0]).toMatchObject({
      text: whole.slice(0, whole.indexOf(stop)),
      finish_reason: "stop",
    });
    expect(json.usage.completion_tokens).toBe(whole.indexOf(stop) + 4);
  });

  it("tokenizes text and chats as it counts them", async () => {
    const { url } = await serve();
    expect((await post(url, "/tokenize", { prompt: "hé" })).json.tokens).toEqual([104, 195, 169]);
    expect((await post(url, "/detokenize", { tokens: [104, 195, 169] })).json.prompt).toBe("hé");
    const messages = [{ role: "user", content: [{ type: "text", text: "hi" }] }];
    const { tokens } = (await post(url, "/tokenize", { messages })).json;
    const { usage } = (await post(url, "/v1/chat/completions", { messages, max_tokens: 1 })).json;
    expect(tokens).toHaveLength(usage.prompt_tokens);
  });

  it("refuses more than the queue holds with 503, and serves again when there is room", async () => {
    const server = await serve({ maxQueue: 2, engine: { maxNumSeqs: 1 }, timeScale: 1 });
    const { url } = server;
    const long = await request(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: words(40), max_tokens: 20_000, stream: true }),
    });
    long.body.on("error", () => {});
    await eventually("one runs", () => server.load.running === 1);
    const waiting = [41, 42].map((size) =>
      post(url, "/v1/completions", { prompt: words(size), max_tokens: 20 }),
    );
    await eventually("two wait", () => server.load.waiting === 2);
    for (const size of [43, 44, 45]) {
      const { status, json, headers } = await post(url, "/v1/completions", { prompt: words(size) });
      expect(status).toBe(503);
      expect(json.error.message).toMatch(/the queue is full: 2 requests wait/);
      expect(headers["retry-after"]).toBe("1");
    }
    expect(await metric(url, "admission_rejections_total")).toBe(3);
    long.body.destroy();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await post(url, "/v1/completions", { prompt: "again" })).status).toBe(200);
  });

  it("drops a request whose client hangs up, waiting or running, and gets its blocks back", async () => {
    const server = await serve({ engine: { maxNumSeqs: 1 }, timeScale: 1 });
    const abort = new AbortController();
    const open = () =>
      request(`${server.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: words(300), max_tokens: 5000, stream: true }),
        signal: abort.signal,
      });
    const streams = await Promise.all([open(), open()]);
    for (const stream of streams) stream.body.on("error", () => {});
    await eventually("one runs and one waits", () => server.load.running === 1 && server.load.waiting === 1);
    expect(server.load.usedBlocks).toBeGreaterThan(0);
    abort.abort();
    await eventually("all is free", () => server.load.usedBlocks === 0 && server.load.waiting === 0);
    expect(await metric(server.url, "request_success_total", 'finished_reason="abort"')).toBe(2);
    expect(await metric(server.url, "kv_cache_usage_perc")).toBe(0);
  });

  it("has the pool that fits its profile's card, and tells its cache's settings as vLLM does", async () => {
    const told = async (engine: object) => {
      const server = await serve({ engine });
      const { blockSize, kvCacheBlocks } = server.engine;
      expect(await metric(server.url, "cache_config_info", `num_gpu_blocks="${kvCacheBlocks + 1}"`)).toBe(1);
      const facts = await learnServer({
        url: server.url,
        endpoint: "completions",
        timeoutMs: 10_000,
        writer: new RequestWriter({
          endpoint: "completions",
          model: "any",
          sampling: { temperature: 0, ignoreEos: true, returnTokenIds: true },
        }),
      });
      expect(facts.engine).toMatchObject({
        engine_block_size: blockSize,
        num_gpu_blocks: kvCacheBlocks + 1,
        enable_prefix_caching: true,
      });
      return kvCacheBlocks * blockSize;
    };
    expect(await told({ blockSize: 32 })).toBe(Math.floor(latency.memory!.poolTokens / 32) * 32);
    expect(await told({ blockSize: 32, kvCacheBlocks: 77 })).toBe(77 * 32);
  });

  it("keeps counts in /metrics that agree with what clients got", async () => {
    const { url } = await serve();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        post(url, "/v1/completions", { prompt: words(100 + i), max_tokens: 10 }),
      ),
    );
    const sum = (read: (answer: Answer) => number) =>
      answers.reduce((total, answer) => total + read(answer.json), 0);
    expect(await metric(url, "prompt_tokens_total")).toBe(sum((answer) => answer.usage.prompt_tokens));
    expect(await metric(url, "generation_tokens_total")).toBe(200);
    expect(await metric(url, "prefix_cache_hits_total")).toBe(
      sum((answer) => answer.usage.prompt_tokens_details.cached_tokens),
    );
    expect(await metric(url, "request_success_total", 'finished_reason="length"')).toBe(20);
    expect(await metric(url, "time_to_first_token_seconds_count")).toBe(20);
    expect(await metric(url, "inter_token_latency_seconds_count")).toBe(180);
    expect(await metric(url, "num_requests_running")).toBe(0);
  });

  it("ends what is under way when it closes, and takes nothing new", async () => {
    const server = await startServer({ port: 0, latency, timeScale: 1 });
    const running = post(server.url, "/v1/completions", { prompt: "a", max_tokens: 200 });
    await eventually("it runs", () => server.load.running === 1);
    await server.close(30_000);
    expect((await running).json.choices[0]?.text).toHaveLength(200);
    await expect(post(server.url, "/v1/completions", { prompt: "a" })).rejects.toThrow();
  });
});

describe("a request that is wrong", () => {
  it("is refused where it needs more than its share of the pool, and the server lives on", async () => {
    const engine = { prefixReuse: "slots", maxNumSeqs: 4, kvCacheBlocks: 100, blockSize: 16 } as const;
    const { url } = await serve({ engine });
    const { status, json } = await post(url, "/v1/completions", { prompt: words(600), max_tokens: 5 });
    expect(json.error.message).toMatch(/the model's context is 400 tokens, the prompt has 600/);
    expect(status).toBe(400);
    expect((await post(url, "/v1/completions", { prompt: words(395), max_tokens: 5 })).status).toBe(200);
    const models = await (await request(`${url}/v1/models`)).body.json();
    expect((models as Answer).data[0]?.max_model_len).toBe(400);
    await expect(serve({ engine: { ...engine, kvCacheBlocks: 3 } })).rejects.toThrow(
      /kvCacheBlocks 3 leaves 0 tokens to each of maxNumSeqs 4 requests/,
    );
  });

  it("is a 4xx that names the field", async () => {
    const { url } = await serve({ maxModelTokens: 1000 });
    const wrong: [path: string, body: unknown, message: RegExp][] = [
      ["/v1/completions", {}, /prompt must be a string or an array of token ids, got undefined/],
      ["/v1/completions", [], /the body must be a JSON object/],
      ["/v1/completions", "{", /the body is not valid JSON/],
      ["/v1/completions", Buffer.from('{"prompt":"\xff"}', "latin1"), /the body is not valid UTF-8/],
      ["/v1/completions", { prompt: [1, -1] }, /prompt must hold token ids/],
      ["/v1/completions", { prompt: [1.5] }, /prompt must hold token ids/],
      ["/v1/completions", { prompt: ["a", "b"] }, /one prompt a request/],
      [
        "/v1/completions",
        { prompt: "a", max_tokens: 0 },
        /max_tokens must be a whole number of at least 1, got 0/,
      ],
      ["/v1/completions", { prompt: "a", max_tokens: "9" }, /max_tokens must be a whole number/],
      ["/v1/completions", { prompt: "a", max_tokens: 1000 }, /the model's context is 1000 tokens/],
      ["/v1/completions", { prompt: "a", stream: "yes" }, /stream must be a boolean, got "yes"/],
      ["/v1/completions", { prompt: "a", n: 2 }, /n must be 1/],
      ["/v1/completions", { prompt: "a", stop: [1] }, /stop must be a string/],
      ["/v1/completions", { prompt: "a", temperature: "hot" }, /temperature must be a number/],
      ["/v1/completions", { prompt: "a", model: 7 }, /model must be a string/],
      ["/v1/completions", { prompt: "a", stream_options: [] }, /stream_options must be an object/],
      ["/v1/chat/completions", { prompt: "a" }, /messages must be a non-empty array/],
      ["/v1/chat/completions", { messages: [{ content: "a" }] }, /messages\[0\].role must be a string/],
      ["/v1/chat/completions", { messages: [{ role: "user", content: 5 }] }, /messages\[0\].content must be/],
      ["/tokenize", { prompt: 5 }, /prompt must be a string/],
    ];
    for (const [path, body, message] of wrong) {
      const { status, json } = await post(url, path, body);
      expect(json.error.message, JSON.stringify(body)).toMatch(message);
      expect(status).toBe(400);
    }
    const nested = `{"prompt":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    expect((await post(url, "/v1/completions", nested)).status).toBe(400);
    expect((await post(url, "/v1/completions", { prompt: [["a"]] })).status).toBe(400);
    const deep = `{"messages":[{"role":"user","content":[${"[".repeat(100_000)}${"]".repeat(100_000)}]}]}`;
    expect((await post(url, "/v1/chat/completions", deep)).status).toBe(400);
    expect((await post(url, "/v1/nothing", {})).status).toBe(404);
  });
});

describe("the served engine's other APIs", () => {
  it("answers responses and messages with the same text as chats, whole and streamed, and counts alike", async () => {
    const { url } = await serve();
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
    const [system, user] = [words(80), words(60)];
    const chat = await client.chat.completions.create({
      model: "m",
      max_tokens: 20,
      messages: [
        { role: "system", content: system },
        { role: "user", content: user },
      ],
    });
    const text = chat.choices[0]?.message.content;
    const prompt = chat.usage?.prompt_tokens as number;
    // All full blocks but one that would leave nothing to compute.
    const cached = Math.floor((prompt - 1) / 16) * 16;
    const body = { model: "m", instructions: system, input: user, max_output_tokens: 20 };
    const response = await client.responses.create(body);
    expect(response).toMatchObject({
      status: "incomplete",
      output_text: text,
      usage: { input_tokens: prompt, output_tokens: 20, input_tokens_details: { cached_tokens: cached } },
    });
    const stream = client.responses.stream({
      ...body,
      input: [{ role: "user", content: [{ type: "input_text", text: user }] }],
    });
    const deltas: string[] = [];
    for await (const event of stream)
      if (event.type === "response.output_text.delta") deltas.push(event.delta);
    expect(deltas.join("")).toBe(text);
    expect(await stream.finalResponse()).toMatchObject({
      output_text: text,
      usage: { input_tokens: prompt },
    });

    const message = {
      model: "m",
      system: [{ type: "text", text: system }],
      messages: [{ role: "user", content: user }],
    };
    const whole = await post(url, "/v1/messages", { ...message, max_tokens: 20 });
    expect(whole.json).toMatchObject({
      content: [{ type: "text", text }],
      stop_reason: "max_tokens",
      // What was found in the cache is no part of what was put in.
      usage: { input_tokens: prompt - cached, cache_read_input_tokens: cached, output_tokens: 20 },
    });
    const counted = await post(url, "/v1/messages/count_tokens", message);
    expect(counted.json).toEqual({ input_tokens: prompt });
  });

  it("streams a message as events by name, in order, and without an end mark of OpenAI's", async () => {
    const { url } = await serve();
    const { body } = await request(`${url}/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "m",
        stream: true,
        max_tokens: 3,
        messages: [{ role: "user", content: "hi" }],
      }),
    });
    const names = [...(await body.text()).matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names.slice(0, 2)).toEqual(["message_start", "content_block_start"]);
    expect(names.slice(-3)).toEqual(["content_block_stop", "message_delta", "message_stop"]);
    expect(new Set(names.slice(2, -3))).toEqual(new Set(["content_block_delta"]));
  });

  it("refuses what is wrong in the words of each API", async () => {
    const { url } = await serve();
    const messages = await post(url, "/v1/messages", {
      model: "m",
      messages: [{ role: "user", content: "hi" }],
    });
    expect(messages).toMatchObject({
      status: 400,
      json: {
        type: "error",
        error: { type: "invalid_request_error", message: expect.stringContaining("max_tokens must be") },
      },
    });
    const wrong = async (body: object) => (await post(url, "/v1/responses", body)).json.error;
    expect(await wrong({ input: 3 })).toMatchObject({ param: "input" });
    expect(await wrong({ input: "hi", previous_response_id: "r" })).toMatchObject({
      param: "previous_response_id",
    });
    expect((await wrong({ input: [{ role: "user", content: 3 }] })).message).toContain("input[0].content");
  });
});

describe("several served engines behind a router", () => {
  const prompt = (name: string) => words(640).replaceAll("lorem", name);
  const cachedOf = async (url: string, text: string, session?: string) => {
    const body = { prompt: text, max_tokens: 2, ...(session !== undefined && { session_id: session }) };
    const { usage } = (await post(url, "/v1/completions", body)).json;
    return usage.prompt_tokens_details.cached_tokens;
  };

  it("keeps a session at its engine, as the simulated fleet does, and has each engine's metrics under its label", async () => {
    const router = "sticky:assign=random";
    const { url } = await serve({ replicas: 2, router });
    const sent = ["a", "b", "a", "b", "a"] as const;
    const cached: number[] = [];
    for (const name of sent) cached.push(await cachedOf(url, prompt("alpha"), name));
    const contentIds = Int32Array.from({ length: 40 }, (_, block) => block);
    const { cachedTokens, replica } = runFleet({
      requests: sent.map((name, at) => ({
        promptTokens: 640,
        outputTokens: 2,
        contentIds,
        session: name === "a" ? 0 : 1,
        fireAtMs: at * 60_000,
      })),
      model: latency,
      replicas: 2,
      router,
    });
    expect(cached).toEqual([...cachedTokens]);
    for (const engine of [0, 1]) {
      const there = cached.filter((_, at) => replica[at] === engine).reduce((sum, tokens) => sum + tokens, 0);
      expect(await metric(url, "prompt_tokens_cached_total", `engine="${engine}"`)).toBe(there);
    }
    expect(cached.slice(2)).toEqual([624, 624, 624]);
    const page = await (await request(`${url}/metrics`)).body.text();
    expect(page.match(/^# TYPE vllm:num_requests_running /gm)).toHaveLength(1);
  });

  it("scatters a session by round robin, and gives every block back", async () => {
    const server = await serve({ replicas: 3 });
    const cached: number[] = [];
    for (let at = 0; at < 4; at++) cached.push(await cachedOf(server.url, prompt("alpha"), "a"));
    expect(cached).toEqual([0, 0, 0, 624]);
    await eventually("blocks come back", () => server.load.usedBlocks === 0);
    expect(server.load).toEqual({ running: 0, waiting: 0, usedBlocks: 0 });
  });

  it("feeds a router with its engines' cache events", async () => {
    const { url } = await serve({ replicas: 2, router: "precise-prefix" });
    const cached: number[] = [];
    for (const name of ["alpha", "gamma", "alpha", "gamma"]) cached.push(await cachedOf(url, prompt(name)));
    expect(cached.slice(2)).toEqual([expect.any(Number), expect.any(Number)]);
    expect(Math.min(...cached.slice(2))).toBeGreaterThan(0);
  });

  it("share the store that their settings name: what one computed, another one loads", async () => {
    const { memory } = latency;
    const tier = { kvBytesPerToken: memory!.kvBytesPerToken };
    const cachedAfter = async (engine: ServeOptions["engine"]) => {
      const { url } = await serve({ replicas: 2, engine: { ...tier, ...engine } });
      const cached: number[] = [];
      // The first engine, the other one, and the first again.
      for (let at = 0; at < 3; at++) {
        cached.push(await cachedOf(url, prompt("alpha")));
        await sleep(50);
      }
      return cached;
    };
    // All but the last token, which gives the first of the answer: chunks of a store are loaded up to there.
    expect(await cachedAfter({ sharedKvGib: 1 })).toEqual([0, 639, 639]);
    // A tier of its own holds nothing of the other's.
    expect(await cachedAfter({ cpuKvGib: 1 })).toEqual([0, 0, 639]);
  });

  it("refuses no engine and an unknown router", async () => {
    await expect(serve({ replicas: 0 })).rejects.toThrow(/replicas must be a whole number|replicas must be/);
    await expect(serve({ replicas: 2, router: "fastest" })).rejects.toThrow(/no router "fastest"/);
  });
});
