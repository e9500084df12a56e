import type { IncomingMessage, ServerResponse } from "node:http";
import { httpServer } from "./scratch.js";

/** What the fake server does with a completion. */
export interface FakeUpstreamOptions {
  readonly tokens?: number;
  readonly gapMs?: number;
  /** Answers `/tokenize` with one token a character, ids from 1000. */
  readonly hasTokenizer?: boolean;
  /** Answers 401 to everything without this bearer token. */
  readonly apiKey?: string;
  /** Answers 403 to `/tokenize`, whatever the key. */
  readonly refusesTokenize?: boolean;
  readonly cachedTokens?: number;
  /** Breaks the connection after so many tokens. */
  readonly breakAfter?: number;
}

/** A small OpenAI-like server: streams `tokens` pieces of text with a gap between them. */
export async function fakeUpstream(options: FakeUpstreamOptions = {}) {
  const { tokens = 4, gapMs = 5, hasTokenizer = false, cachedTokens = 16, breakAfter, apiKey } = options;
  const seen: {
    bodies: string[];
    headers: IncomingMessage["headers"][];
    aborted: number;
    /** Calls of `/tokenize`. */
    tokenized: number;
  } = { bodies: [], headers: [], aborted: 0, tokenized: 0 };
  const server = await httpServer(async (request, response) => {
    const body = await bodyOf(request);
    if (request.url === "/tokenize") seen.tokenized++;
    if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`)
      return json(response, 401, { error: { message: "wrong key" } });
    if (request.url === "/version") return json(response, 200, { version: "9.9.9" });
    if (request.url === "/tokenize") {
      if (options.refusesTokenize) return json(response, 403, {});
      if (!hasTokenizer) return json(response, 404, {});
      const { prompt } = JSON.parse(body) as { prompt?: string };
      if (prompt === undefined) return json(response, 400, { error: { message: "prompt: field required" } });
      return json(response, 200, { tokens: Array.from(prompt, (c) => 1000 + c.charCodeAt(0)) });
    }
    if (!request.url?.includes("completions"))
      return json(response, 404, { error: { message: "no such path" } });
    seen.bodies.push(body);
    seen.headers.push(request.headers);
    response.on("close", () => {
      if (!response.writableFinished) seen.aborted++;
    });
    const asked = JSON.parse(body) as { prompt: string | number[]; stream?: boolean };
    const usage = {
      prompt_tokens: asked.prompt.length,
      completion_tokens: tokens,
      prompt_tokens_details: { cached_tokens: cachedTokens },
    };
    if (!asked.stream)
      return json(response, 200, {
        choices: [{ index: 0, text: "secret answer", finish_reason: "stop" }],
        usage,
      });
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let i = 0; i < tokens; i++) {
      await new Promise((resolve) => setTimeout(resolve, gapMs));
      if (i === breakAfter) return response.destroy();
      const finish = i === tokens - 1 ? "length" : null;
      const choice = { index: 0, text: `t${i}`, token_ids: [500 + i], finish_reason: finish };
      response.write(`data: ${JSON.stringify({ choices: [choice] })}\n\n`);
    }
    response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
  });
  return { ...server, seen };
}

/** The whole body of a request as text. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}
