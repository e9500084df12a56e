import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { type LoadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { httpServer } from "../scratch.js";
import { optionsFor } from "./loadgen-rig.js";

interface Chat {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

/** A server of four characters a token, whose usage says what `tells` makes of the true length. */
async function countingServer(tells: (tokens: number, chat: Chat) => number): Promise<string> {
  const { url } = await httpServer(async (request, response: ServerResponse) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (!request.url?.endsWith("/chat/completions")) return void response.writeHead(404).end();
    const chat = JSON.parse(Buffer.concat(parts).toString()) as Chat;
    const characters = chat.messages.reduce((sum, { content }) => sum + content.length, 0);
    const usage = { prompt_tokens: tells(Math.round(characters / 4), chat), completion_tokens: 2 };
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n');
    response.write('data: {"choices":[{"index":0,"delta":{"content":"word"},"finish_reason":"stop"}]}\n\n');
    response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
  });
  return url;
}

describe("a server that counts only what it computed", () => {
  const load: Partial<LoadgenOptions> = {
    pattern: "multiturn",
    endpoint: "chat",
    sessions: 3,
    turns: 3,
    ratePerSecond: 20,
    prefixTokens: 300,
    prefixCount: 1,
    promptTokens: 30,
  };
  const isTurn = (turn: number, chat: Chat) => chat.messages.length === 2 * turn;

  it("has no turn with a shorter prompt than the one before it", async () => {
    const url = await countingServer((tokens, { messages }) => (messages.length > 2 ? 9 : tokens));
    const { trace } = await runLoadgen(optionsFor(url, load));
    expect(trace.records).toHaveLength(9);
    for (const record of trace.records) {
      if (record.turn === 1) continue;
      const before = trace.records.find((r) => r.session === record.session && r.turn === record.turn! - 1)!;
      expect(record.promptTokens).toBeGreaterThanOrEqual(before.promptTokens);
      expect(record.extra).toMatchObject({ prompt_tokens_expected: true, server_prompt_tokens: 9 });
    }
  });

  it("has no first turn that is far shorter than another one over the same prefix", async () => {
    let firstTurns = 0;
    const url = await countingServer((tokens, chat) =>
      isTurn(1, chat) && firstTurns++ > 0 ? tokens - 300 : tokens,
    );
    const { trace } = await runLoadgen(optionsFor(url, load));
    const lengths = trace.records.filter(({ turn }) => turn === 1).map(({ promptTokens }) => promptTokens);
    expect(Math.min(...lengths)).toBeGreaterThan(300);
  });

  it("is not asked for more than was meant, where it had computed the sample before", async () => {
    let sizes = 0;
    const url = await countingServer((tokens, { messages }) => {
      sizes = Math.max(sizes, ...messages.map(({ content }) => content.length));
      return sizes <= 2_000 && messages.length === 1 ? 1 : tokens;
    });
    await runLoadgen(optionsFor(url, { ...load, prefixTokens: 0, turns: 1, promptTokens: 1_000 }));
    expect(sizes).toBeLessThan(10_000);
  });
});
