import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { runLoadgen, summariseLoad } from "../../../lib/capture/loadgen/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { httpServer } from "../scratch.js";
import { optionsFor } from "./loadgen-rig.js";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const ANSWER =
  'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\ndata: {"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

/** Every third chat waits behind these bytes, sent `times` times `everyMs` apart; the others answer at once. */
async function slowThird(keepAlive: string, everyMs: number, times: number) {
  let chats = 0;
  const { url } = await httpServer(async (request, response: ServerResponse) => {
    for await (const _ of request);
    if (!request.url?.endsWith("/chat/completions")) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (++chats % 3 === 0)
      for (let i = 0; i < times; i++) {
        if (keepAlive !== "") response.write(keepAlive);
        else response.flushHeaders();
        await sleep(everyMs);
      }
    response.end(ANSWER);
  });
  return url;
}

describe("a server that keeps the connection alive while a prompt waits", () => {
  const load = { pattern: "constant", concurrency: 3, durationMs: 400, endpoint: "chat" } as const;

  it.each([
    ["empty data", "data:\n\n"],
    ["empty data after a space", "data: \n\n"],
    ["comments", ": keep-alive\n\n"],
    ["events named ping", "event: ping\ndata: {}\n\n"],
    ["events of type ping", 'data: {"type":"ping"}\n\n'],
    ["blank objects", "data: {}\n\n"],
    ["blank lines", "\n\n"],
    ["chunks without choices", 'data: {"id":"c","object":"chat.completion.chunk","choices":[]}\n\n'],
    [
      "chunks that say nothing",
      'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n',
    ],
    ["nothing", ""],
  ])("has failed nothing, and its slow answers are not lost: %s", async (_title, bytes) => {
    const result = await runLoadgen(optionsFor(await slowThird(bytes, 100, 3), load));
    const { records } = result.trace;
    expect(records.length).toBeGreaterThan(3);
    expect(records.every(isComplete)).toBe(true);
    expect(records.some(({ ttftMs }) => ttftMs! >= 295)).toBe(true);
    expect(records.every(({ outputTokens }) => outputTokens === 2)).toBe(true);
    expect(summariseLoad(result).failed).toEqual({});
  });

  it("may be silent for longer than an idle connection is kept", async () => {
    const { trace } = await runLoadgen(
      optionsFor(await slowThird("", 2_600, 1), {
        pattern: "burst",
        burstSize: 3,
        durationMs: 1,
        endpoint: "chat",
      }),
    );
    expect(trace.records.every(isComplete)).toBe(true);
    expect(Math.max(...trace.records.map(({ ttftMs }) => ttftMs!))).toBeGreaterThanOrEqual(2_590);
  }, 20_000);
});
