import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request } from "undici";
import { startTap, type TapOptions } from "../../lib/capture/index.js";
import { Recorder } from "../../lib/capture/tap/recorder.js";
import { readTrace } from "../../lib/trace/files/index.js";
import { bodyOf } from "./fake-upstream.js";
import { afterTest, httpServer, scratchFile } from "./scratch.js";

/** A tap before an upstream, that records in this thread: sources have no compiled thread to start. */
export async function tapBefore(upstream: string, options: Partial<TapOptions> = {}) {
  const traceOut = options.traceOut ?? scratchFile("tap.jsonl");
  const tap = await startTap(
    { host: "127.0.0.1", port: 0, upstream, traceOut, ...options },
    (sink, listener) => new Recorder(sink, listener),
  );
  let isClosed = false;
  const close = async () => {
    if (!isClosed) await tap.close(100);
    isClosed = true;
  };
  afterTest(close);
  return {
    url: tap.url,
    tap,
    /** Ends the tap and reads what it wrote. */
    async trace() {
      await close();
      return readTrace(traceOut);
    },
    text: () => readFileSync(traceOut, "utf8"),
  };
}

/** Posts a body and waits for the whole answer. */
export async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<string> {
  const answer = await request(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return answer.body.text();
}

/** What a scripted server was asked, and the body it got. */
export interface Asked {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/**
 * A server whose answers are functions of the body, by path; everything else is a 404. A text answers as a stream of
 * server-sent events, an object as JSON, a number as that status.
 */
export async function scriptedUpstream(
  answers: Readonly<Record<string, (body: Record<string, unknown>) => string | object | number>>,
) {
  const asked: Asked[] = [];
  const server = await httpServer(async (incoming: IncomingMessage, response: ServerResponse) => {
    const text = await bodyOf(incoming);
    const path = incoming.url ?? "";
    let body: Record<string, unknown> = {};
    try {
      body = JSON.parse(text) as Record<string, unknown>;
    } catch {}
    asked.push({ path, body });
    const answer = answers[path]?.(body) ?? 404;
    if (typeof answer === "number") response.writeHead(answer).end("{}");
    else if (typeof answer === "string")
      response.writeHead(200, { "content-type": "text/event-stream" }).end(answer);
    else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  return { url: server.url, asked };
}

/** The stream of a chat of two tokens, with the server's count of the prompt where there is one. */
export function chatStream(promptTokens?: number): string {
  const chunk = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const usage =
    promptTokens === undefined
      ? ""
      : `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: promptTokens, completion_tokens: 2 } })}\n\n`;
  return `${chunk({ content: "a" })}${chunk({ content: "b" })}${chunk({}, "stop")}${usage}data: [DONE]\n\n`;
}
