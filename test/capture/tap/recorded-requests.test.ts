import { describe, expect, it } from "vitest";
import { chatStream, post, scriptedUpstream, tapBefore } from "../tap-rig.js";

const CHAT = "/v1/chat/completions";
const messages = [
  { role: "system", content: "You are careful. ".repeat(6) },
  { role: "user", content: "Hello" },
];
const stream = { stream: true, messages };

describe("an upstream given with a path", () => {
  for (const [base, paths, seen] of [
    ["/v1", ["/v1/chat/completions", "/chat/completions"], "/v1/chat/completions"],
    ["/v1/chat/completions", ["/v1/chat/completions", "/chat/completions"], "/v1/chat/completions"],
    ["/v1/", ["/v1/chat/completions", "/chat/completions"], "/v1/chat/completions"],
    [
      "/api/v1",
      ["/v1/chat/completions", "/chat/completions", "/api/v1/chat/completions"],
      "/api/v1/chat/completions",
    ],
    [
      "/serve/openai",
      ["/v1/chat/completions", "/serve/openai/v1/chat/completions"],
      "/serve/openai/v1/chat/completions",
    ],
  ] as const)
    it(`as ${base} is put before a request's path once`, async () => {
      const upstream = await scriptedUpstream({
        [seen]: () => chatStream(),
        [`${base.replace(/\/?v1\/?(chat\/completions)?$/, "")}/tokenize`]: ({ prompt, messages: chat }) => ({
          tokens: Array.from(JSON.stringify(chat ?? prompt)).map((c) => c.charCodeAt(0)),
        }),
      });
      const { url, trace } = await tapBefore(upstream.url + base);
      for (const path of paths) await post(url + path, stream);
      const { records, meta } = await trace();
      expect(records.map(({ finishReason }) => finishReason)).toEqual(paths.map(() => "stop"));
      expect(
        upstream.asked.filter(({ path }) => path.endsWith("completions")).map(({ path }) => path),
      ).toEqual(paths.map(() => seen));
      expect(meta.extra.chat_tokens).toBe("tokenize");
    });
});

describe("requests of every API", () => {
  it("are recorded, whatever stands before the path", async () => {
    const answer = () => chatStream(30);
    const paths = [
      "/openai/deployments/d/chat/completions?api-version=2024-10-21",
      "/api/v1/chat/completions",
      "/chat/completions",
      "/v1beta/openai/chat/completions",
    ];
    const upstream = await scriptedUpstream(Object.fromEntries(paths.map((path) => [path, answer])));
    const { url, trace } = await tapBefore(upstream.url);
    for (const path of paths) await post(url + path, stream);
    const { records, meta } = await trace();
    expect(records).toHaveLength(4);
    expect(meta.model).toBe("d");
    expect(records.every(({ blockIds, outputTokens }) => blockIds && outputTokens === 2)).toBe(true);
  });

  it("are recorded of Anthropic's API, its tools and system text among the blocks", async () => {
    const upstream = await scriptedUpstream({
      "/v1/messages": () =>
        'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":64}}}\n\n' +
        'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}\n\n' +
        'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    });
    const { url, trace } = await tapBefore(upstream.url);
    const body = { model: "m", max_tokens: 5, stream: true, messages: [{ role: "user", content: "hello" }] };
    await post(`${url}/v1/messages`, body);
    await post(`${url}/v1/messages?beta=true`, { ...body, system: "Be brief. ".repeat(20) });
    const tools = [{ name: "f", description: "d ".repeat(60), input_schema: { type: "object" } }];
    await post(`${url}/v1/messages`, { ...body, tools, system: "Be brief. ".repeat(20) });
    const { records } = await trace();
    expect(records).toHaveLength(3);
    expect(records[0]).toMatchObject({
      finishReason: "stop",
      extra: { api: "messages", server_prompt_tokens: 74 },
    });
    expect(records.map(({ messages: parts }) => parts?.map(({ role }) => role))).toEqual([
      ["user"],
      ["system", "user"],
      ["tools", "system", "user"],
    ]);
    const [, plain, withTools] = records.map(({ blockIds }) => Array.from(blockIds ?? []));
    expect(plain?.length).toBeGreaterThan(12);
    expect(withTools?.[0]).not.toBe(plain?.[0]);
    for (const record of records)
      expect(record.messages?.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(record.promptTokens);
    expect(records[0]?.messagesBy).toBe("tokens");
  });

  it("are counted by path where they are of no known API, and by reason where a body cannot be read", async () => {
    const upstream = await scriptedUpstream({ [CHAT]: () => chatStream() });
    const { url, tap, trace } = await tapBefore(upstream.url);
    for (let i = 0; i < 3; i++) await post(`${url}/v1/batches/batch_00${i}abcdef/cancel`, {});
    await post(`${url}/v1/embeddings`, { input: "x" });
    await post(`${url}/v1/mystery/generate?x=${"y".repeat(20)}`, { input: "x" });
    await post(url + CHAT, "{ no json");
    await post(url + CHAT, { messages: "none" });
    await post(url + CHAT, stream, { "content-encoding": "zstd" });
    await post(url + CHAT, stream);
    expect((await trace()).records).toHaveLength(1);
    expect(tap.passedPaths.counts).toEqual([
      ["/v1/batches/*/cancel", 3],
      ["/v1/embeddings", 1],
      ["/v1/mystery/generate", 1],
    ]);
    expect(tap.passedPaths.doubtful).not.toContainEqual(["/v1/embeddings", 1]);
    expect(tap.notes.unrecorded).toEqual({
      "a body that is no JSON object": 1,
      "a body of chat without a prompt that can be read": 1,
      "a body in an encoding that cannot be read": 1,
    });
  });
});

describe("images in a prompt", () => {
  const image = (letter: string) => ({
    type: "image_url",
    image_url: { url: `data:image/png;base64,${letter.repeat(200_000)}` },
  });
  const asked = (letter: string) => [
    { role: "user", content: [{ type: "text", text: "What is this?" }, image(letter)] },
  ];
  const later = [...asked("A"), { role: "assistant", content: "ab" }, { role: "user", content: "Sure?" }];

  it("are one thing as long as the server counts it, and tell prompts apart", async () => {
    const upstream = await scriptedUpstream({
      [CHAT]: ({ messages: chat }) => chatStream((chat as unknown[]).length === 1 ? 100 : 110),
    });
    const { url, trace } = await tapBefore(upstream.url);
    for (const chat of [asked("A"), asked("B"), asked("A"), later])
      await post(url + CHAT, { stream: true, messages: chat });
    const { records } = await trace();
    expect(records.map(({ promptTokens }) => promptTokens)).toEqual([100, 100, 100, 110]);
    const [a, b, again, goesOn] = records.map(({ blockIds }) => Array.from(blockIds ?? []));
    expect(a).toHaveLength(6);
    expect(again).toEqual(a);
    expect(b?.filter((id) => a?.includes(id))).toEqual([]);
    expect(goesOn?.slice(0, 5)).toEqual(a?.slice(0, 5));
  });

  it("leave the text to the server's tokenizer, and stand where they stood", async () => {
    const upstream = await scriptedUpstream({
      "/tokenize": ({ prompt, messages: chat }) => ({
        tokens: Array.from(JSON.stringify(chat ?? prompt)).map((c) => c.charCodeAt(0)),
      }),
      [CHAT]: () => chatStream(300),
    });
    const { url, trace } = await tapBefore(upstream.url);
    for (const letter of ["A", "B", "A"])
      await post(url + CHAT, { stream: true, messages: [messages[0], ...asked(letter)] });
    const { records } = await trace();
    expect(records.map(({ promptTokens }) => promptTokens)).toEqual([300, 300, 300]);
    const [a, b, again] = records.map(({ blockIds }) => Array.from(blockIds ?? []));
    expect(a).toHaveLength(18);
    expect(again).toEqual(a);
    const shared = a?.filter((id, i) => b?.[i] === id).length ?? 0;
    expect(shared).toBeGreaterThan(6);
    expect(shared).toBeLessThan(13);
    // The tokenizer never sees the picture.
    expect(
      upstream.asked.filter(
        ({ path, body }) => path === "/tokenize" && JSON.stringify(body).includes("AAAA"),
      ),
    ).toEqual([]);
    // Once with it and once for its place; then only the former.
    expect(
      upstream.asked.filter(
        ({ path, body }) => path === "/tokenize" && JSON.stringify(body).includes("careful"),
      ),
    ).toHaveLength(4);
  });

  it("of unknown length leave a record without hashes, and say so", async () => {
    const upstream = await scriptedUpstream({ [CHAT]: () => chatStream() });
    const { url, trace } = await tapBefore(upstream.url);
    await post(url + CHAT, { stream: true, messages: asked("A") });
    const { records } = await trace();
    expect(records[0]?.extra).toMatchObject({
      no_hashes: "an image or file in it, and no count by the server",
    });
    expect(records[0]?.promptTokens).toBeGreaterThan(0);
    expect(records[0]?.promptTokens).toBeLessThan(100);
  });
});

describe("sessions that clients name", () => {
  it("are hashed under the key, with where they came from, and the name is written nowhere", async () => {
    const upstream = await scriptedUpstream({ [CHAT]: () => chatStream() });
    const names: (string | undefined)[] = [];
    for (const key of [undefined, Buffer.alloc(32, 1)]) {
      const { url, trace, text } = await tapBefore(upstream.url, key ? { fingerprintKey: key } : {});
      await post(url + CHAT, stream, { "x-session-id": "my-secret-session" });
      await post(url + CHAT, {
        ...stream,
        metadata: { user_id: "user_my-secret_account__session_my-secret-session" },
      });
      await post(url + CHAT, { ...stream, prompt_cache_key: "my-secret-other", user: "my-secret-user" });
      await post(url + CHAT, stream, {
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "x-claude-code-agent-id": "my-secret-agent",
      });
      const { records } = await trace();
      expect(records.map(({ sessionSource }) => sessionSource)).toEqual([
        "x-session-id",
        "metadata.user_id",
        "prompt_cache_key",
        undefined,
      ]);
      expect(records[0]?.session).toMatch(/^[0-9a-f]{16}$/);
      expect(records[1]?.session).toBe(records[0]?.session);
      expect(records[2]?.session).not.toBe(records[0]?.session);
      expect(records[3]?.extra?.trace_id_hash).toMatch(/^[0-9a-f]{16}$/);
      expect(records[3]?.agent).toMatch(/^[0-9a-f]{16}$/);
      expect(new Set(records.map(({ requestId }) => requestId)).size).toBe(4);
      expect(text()).not.toMatch(/my-secret|4bf92f35/);
      names.push(records[0]?.session);
    }
    expect(names[0]).not.toBe(names[1]);
  });

  it("are those of the response that a request goes on from, whose conversation its prompt has", async () => {
    const output = (text: string) => [
      { type: "message", role: "assistant", content: [{ type: "output_text", text }] },
    ];
    let count = 0;
    const upstream = await scriptedUpstream({
      "/v1/responses": ({ stream: isStreamed, input }) => {
        const response = {
          id: `resp_${++count}`,
          status: "completed",
          output: output(`answer to ${input}`),
          usage: { input_tokens: 40, output_tokens: 2 },
        };
        return isStreamed
          ? `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a"}\n\nevent: response.completed\ndata: ${JSON.stringify({ type: "response.completed", response })}\n\n`
          : response;
      },
    });
    const { url, trace } = await tapBefore(upstream.url);
    const ask = (body: object) =>
      post(`${url}/v1/responses`, { instructions: "Be careful. ".repeat(10), ...body });
    await ask({ input: "one", stream: true });
    await ask({ input: "two", previous_response_id: "resp_1" });
    await ask({ input: "three", previous_response_id: "resp_2", stream: true });
    await ask({ input: "other", previous_response_id: "resp_1" });
    await ask({ input: "lost", previous_response_id: "resp_99" });
    await ask({
      input: [{ role: "user", content: "one" }, ...output("answer to one"), { role: "user", content: "two" }],
    });
    const { records } = await trace();
    expect(records.map(({ turn }) => turn)).toEqual([1, 2, 3, undefined, undefined, 1]);
    expect(new Set(records.slice(0, 4).map(({ session }) => session)).size).toBe(1);
    expect(records[1]?.parents).toEqual([{ requestId: records[0]?.requestId, kind: "turn" }]);
    expect(records[3]?.parents).toEqual(records[1]?.parents);
    expect(records[2]?.parents?.[0]?.requestId).toBe(records[1]?.requestId);
    const chains = records.map(({ blockIds }) => Array.from(blockIds ?? []));
    expect(chains[1]?.slice(0, 9)).toEqual(chains[0]?.slice(0, 9));
    // The same conversation, sent whole.
    expect(chains[5]).toEqual(chains[1]);
    expect(records[4]).toMatchObject({
      promptTokens: 40,
      extra: { no_hashes: "the conversation before it is not known" },
    });
  });
});

describe("what keeps equal prompts apart in an engine", () => {
  it("keeps their blocks apart: a salt, an adapter, another model; equal ones share", async () => {
    const upstream = await scriptedUpstream({ [CHAT]: () => chatStream() });
    const { url, trace, text } = await tapBefore(upstream.url);
    const bodies = [
      { model: "m" },
      { model: "m" },
      {},
      { model: "m", cache_salt: "secret-salt" },
      { model: "m", cache_salt: "secret-salt" },
      { model: "m", cache_salt: "another" },
      { model: "m-adapter" },
      { model: "m", lora_path: "secret-adapter" },
    ];
    for (const body of bodies) await post(url + CHAT, { ...stream, ...body });
    const { records } = await trace();
    const firsts = records.map(({ blockIds }) => blockIds?.[0]);
    expect(firsts.map((id) => firsts.indexOf(id))).toEqual([0, 0, 0, 3, 3, 5, 6, 7]);
    expect(records[3]?.extra?.cache_salt_hash).toBe(records[4]?.extra?.cache_salt_hash);
    expect(text()).not.toContain("secret");
  });
});

describe("what is kept of the parts of a prompt", () => {
  it("tells equal messages and tools in another order, without their text", async () => {
    const upstream = await scriptedUpstream({ [CHAT]: () => chatStream() });
    const { url, trace, text } = await tapBefore(upstream.url);
    const tool = (name: string) => ({ type: "function", function: { name, parameters: {} } });
    await post(url + CHAT, { ...stream, tools: [tool("secret_a"), tool("secret_b")] });
    await post(url + CHAT, { ...stream, tools: [tool("secret_b"), tool("secret_a")] });
    const { records } = await trace();
    const [a, b] = records.map(({ messages: parts }) => parts ?? []);
    expect(a?.map(({ role }) => role)).toEqual(["system", "tools", "user"]);
    expect(a?.map(({ hash }, i) => hash === b?.[i]?.hash)).toEqual([true, false, true]);
    const [toolsA, toolsB] = records.map(({ extra }) => extra?.tool_hashes as string[]);
    expect(toolsB).toEqual([...(toolsA ?? [])].reverse());
    expect(text()).not.toContain("secret");
  });

  it("counts marks for the server's cache, and on which messages; they are no part of the prompt", async () => {
    const upstream = await scriptedUpstream({
      "/v1/messages": () => ({ type: "message", content: [], stop_reason: "end_turn" }),
    });
    const { url, trace } = await tapBefore(upstream.url);
    const mark = { cache_control: { type: "ephemeral" } };
    const ask = (where: number) =>
      post(`${url}/v1/messages`, {
        max_tokens: 5,
        system: [{ type: "text", text: "Be brief. ".repeat(9), ...mark }],
        messages: [0, 1, 2].map((i) => ({
          role: i === 1 ? "assistant" : "user",
          content: [{ type: "text", text: `message ${i}`, ...(i === where && mark) }],
        })),
      });
    await ask(0);
    await ask(2);
    const { records } = await trace();
    expect(records.map(({ extra }) => extra?.cache_marks)).toEqual([
      { count: 2, tools: 0, system: 1, messages: [0] },
      { count: 2, tools: 0, system: 1, messages: [2] },
    ]);
    expect(records[1]?.blockIds).toEqual(records[0]?.blockIds);
  });
});
