import { describe, expect, it } from "vitest";
import { AnswerReader } from "../../../lib/capture/loadgen/answer-reader.js";

const event = (data: unknown) => Buffer.from(`data: ${JSON.stringify(data)}\n\n`);
const token = (text: string, more: object = {}) => ({ choices: [{ text, ...more }] });
const done = Buffer.from("data: [DONE]\n\n");

describe("AnswerReader", () => {
  it("counts all events of one socket read as one chunk, by their token ids", () => {
    const reader = new AnswerReader();
    reader.push(event(token("a", { token_ids: [1], prompt_token_ids: [7, 8] })), 10);
    reader.push(
      Buffer.concat([event(token("bc", { token_ids: [2, 3] })), event(token("d", { token_ids: [4] }))]),
      20,
    );
    reader.push(event(token("e", { token_ids: [5], finish_reason: "length" })), 30);
    reader.push(done, 30);
    const exchange = reader.finish(0, 1, 31);
    expect(exchange.chunkAtMs).toEqual([10, 20, 30]);
    expect(exchange.chunkTokens).toEqual([1, 3, 1]);
    expect(exchange.text).toBe("abcde");
    expect(exchange.promptTokenIds).toEqual([7, 8]);
    expect(exchange.outputTokenIds).toEqual([1, 2, 3, 4, 5]);
    expect(exchange.failure).toBeUndefined();
  });

  it("counts neither a chat's role, nor a finish reason, nor usage as output", () => {
    const reader = new AnswerReader();
    reader.push(event({ choices: [{ delta: { role: "assistant", content: "" } }] }), 5);
    reader.push(event({ choices: [{ delta: { content: "hi" } }] }), 10);
    reader.push(event({ choices: [{ delta: {}, finish_reason: "stop" }] }), 20);
    reader.push(
      event({
        choices: [],
        usage: { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 0 } },
      }),
      30,
    );
    const exchange = reader.finish(0, 1, 31);
    expect(exchange.chunkAtMs).toEqual([10]);
    expect(exchange.usage).toEqual({ promptTokens: 9, outputTokens: 2, cachedTokens: 0 });
    expect(exchange.finishReason).toBe("stop");
  });

  it("leaves cached tokens out where the server does not report them", () => {
    const reader = new AnswerReader();
    reader.push(
      event({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: null } }),
      1,
    );
    expect(reader.finish(0, 1, 2).usage).toEqual({ promptTokens: 9, outputTokens: 2 });
  });

  it("calls a stream truncated only when both finish reason and end mark are missing", () => {
    const ends = (parts: readonly Buffer[]) => {
      const reader = new AnswerReader();
      for (const part of parts) reader.push(part, 1);
      return reader.finish(0, 0, 2).failure?.reason;
    };
    expect(ends([event(token("a"))])).toBe("truncated");
    expect(ends([event(token("a")), done])).toBeUndefined();
    expect(ends([event(token("a", { finish_reason: "stop" }))])).toBeUndefined();
  });

  it("keeps the first failure and what was read before it", () => {
    const reader = new AnswerReader();
    reader.push(event(token("a")), 1);
    reader.push(event({ error: { message: "the worker has gone" } }), 2);
    reader.fail("disconnect", "later");
    const exchange = reader.finish(0, 0, 3);
    expect(exchange.failure).toEqual({ reason: "error", detail: "the worker has gone" });
    expect(exchange.chunkTokens).toEqual([1]);
  });

  it("takes ids that cannot be token ids for none", () => {
    const reader = new AnswerReader();
    reader.push(event(token("a", { token_ids: [-1], prompt_token_ids: ["x"] })), 1);
    reader.push(done, 2);
    const exchange = reader.finish(0, 0, 3);
    expect(exchange.promptTokenIds).toBeUndefined();
    expect(exchange.outputTokenIds).toBeUndefined();
    expect(exchange.chunkTokens).toEqual([1]);
  });
});
