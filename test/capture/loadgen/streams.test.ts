import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { runLoadgen, summariseLoad } from "../../../lib/capture/loadgen/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { httpServer } from "../scratch.js";
import { optionsFor } from "./loadgen-rig.js";

const chunk = (delta: object, more: object = {}, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }], ...more })}\n\n`;
const GOOD = `${chunk({ content: "a" })}${chunk({ content: "b" }, {}, "stop")}data: [DONE]\n\n`;

/** Streams good answers to all chats but the measured one, which it streams these writes, 100 ms apart. */
async function measure(
  writes: readonly string[],
  headers: Record<string, string> = { "content-type": "text/event-stream" },
) {
  let chats = 0;
  const { url } = await httpServer(async (request, response: ServerResponse) => {
    for await (const _ of request);
    if (!request.url?.endsWith("/chat/completions")) return void response.writeHead(404).end();
    response.writeHead(200, chats++ === 0 ? { "content-type": "text/event-stream" } : headers);
    if (chats === 1) return void response.end(GOOD);
    for (const bytes of writes) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      response.write(bytes);
    }
    response.end();
  });
  const result = await runLoadgen(
    optionsFor(url, { pattern: "burst", burstSize: 1, durationMs: 1, endpoint: "chat" }),
  );
  return { record: result.trace.records[0]!, summary: summariseLoad(result) };
}

describe("an answer of the load generator", () => {
  it.each<[string, string]>([
    ["a code", '{"text":"the worker left","error_code":50004}'],
    ["no message", '{"error":{"code":503,"type":"overloaded"}}'],
    ["an error as a text", '{"error":"out of memory"}'],
    ["an event of its own", '{"type":"error","message":"gone"}'],
    ["FastAPI's detail", '{"detail":"Internal error"}'],
    ["a failed status", '{"status":"failed"}'],
    ["no JSON", "Internal Server Error"],
  ])("has failed where the stream says so, after its first token: %s", async (_title, error) => {
    const { record, summary } = await measure([
      chunk({ content: "a" }),
      `data: ${error}\n\n`,
      "data: [DONE]\n\n",
    ]);
    expect(record.finishReason).toBe("error");
    expect(record.ttftMs).toBeGreaterThan(90);
    expect(isComplete(record)).toBe(false);
    expect(summary).toMatchObject({ completed: 0, failed: { error: 1 } });
  });

  it.each<[string, object]>([
    ["a thought", { thinking: "hm", content: "" }],
    ["reasoning_details", { content: "", reasoning_details: [{ type: "reasoning.text", text: "hm" }] }],
    ["reasoning", { reasoning: "hm" }],
    ["a refusal", { refusal: "No" }],
    ["a call of a tool", { tool_calls: [{ index: 0, function: { name: "f", arguments: "" } }] }],
  ])("begins with the first part that says anything: %s", async (_title, delta) => {
    const { record } = await measure([
      chunk({ role: "assistant", content: "" }),
      chunk(delta),
      chunk({ content: "a" }, {}, "stop"),
    ]);
    expect(record.ttftMs).toBeGreaterThanOrEqual(195);
    expect(record.ttftMs).toBeLessThan(record.elapsedMs! - 90);
    expect(record.outputTokens).toBe(2);
    expect(isComplete(record)).toBe(true);
  });

  it("has the tokens that came where the server counts none, and a prompt that is not empty", async () => {
    const usage = { usage: { prompt_tokens: 0, completion_tokens: 0 } };
    const { record } = await measure([
      chunk({ content: "a" }, usage),
      chunk({ content: "b" }, usage, "stop"),
    ]);
    expect(record.outputTokens).toBe(2);
    expect(record.promptTokens).toBeGreaterThan(0);
    expect(record.extra?.prompt_tokens_expected).toBe(true);
  });

  it("is complete with a finish reason that nobody knows", async () => {
    const { record, summary } = await measure([
      chunk({ content: "a" }),
      chunk({}, {}, "eos"),
      "data: [DONE]\n\n",
    ]);
    expect(record.finishReason).toBe("eos");
    expect(summary.completed).toBe(1);
  });

  it("is read as what it is, under any content type, with a byte order mark before it", async () => {
    const { record } = await measure(
      [`\uFEFF${chunk({ content: "a" })}`, chunk({ content: "b" }, {}, "stop")],
      {
        "content-type": "application/json",
      },
    );
    expect(record).toMatchObject({ outputTokens: 2, finishReason: "stop" });
    expect(record.itlMs).toHaveLength(1);
  });

  it("keeps more cached tokens than prompt tokens as the server's word", async () => {
    const usage = {
      usage: { prompt_tokens: 40, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 48 } },
    };
    const { record } = await measure([chunk({ content: "a" }), chunk({ content: "b" }, usage, "stop")]);
    expect(record.cachedTokens).toBeUndefined();
    expect(record).toMatchObject({ promptTokens: 40, extra: { server_cached_tokens: 48 } });
  });

  it("that came as a whole has no TTFT, and the run says so", async () => {
    const body = JSON.stringify({
      choices: [{ index: 0, message: { content: "ab" }, finish_reason: "stop" }],
    });
    const { record, summary } = await measure([body], { "content-type": "application/json" });
    expect(record.ttftMs).toBeUndefined();
    expect(summary.warnings.join()).toContain("1 of 1 answers came as a whole");
    expect(summary.cohorts.all.n).toBe(0);
  });
});
