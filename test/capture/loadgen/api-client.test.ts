import { createServer, type ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { ApiClient } from "../../../lib/capture/loadgen/api-client.js";
import { afterTest, eventually, httpServer } from "../scratch.js";

const TOKEN = 'data: {"choices":[{"index":0,"text":"a","finish_reason":null}]}\n\n';
const LAST = 'data: {"choices":[{"index":0,"text":"b","finish_reason":"length"}]}\n\ndata: [DONE]\n\n';

async function clientOf(listener: Parameters<typeof httpServer>[0], timeoutMs = 10_000) {
  const { url, server } = await httpServer(listener);
  let connections = 0;
  server.on("connection", () => connections++);
  const client = new ApiClient({
    url,
    endpoint: "completions",
    timeoutMs,
  });
  afterTest(() => client.close());
  return { client, send: () => client.sendBody("/v1/completions", "{}"), connections: () => connections };
}

const streaming = (response: ServerResponse) =>
  response.writeHead(200, { "content-type": "text/event-stream" });

describe("ApiClient", () => {
  it("writes a request on a connection it reuses before the event loop turns", async () => {
    const { send, connections } = await clientOf((_request, response) => void streaming(response).end(LAST));
    await send();
    // The answer's end is known before its connection is free.
    await new Promise((resolve) => setImmediate(resolve));
    const turned = new Promise<number>((resolve) => setImmediate(() => resolve(performance.now())));
    const { writtenAtMs, failure } = await send();
    expect(failure).toBeUndefined();
    expect(connections()).toBe(1);
    expect(writtenAtMs).toBeLessThan(await turned);
  });

  it("opens as many connections as requests are under way", async () => {
    const waiting: ServerResponse[] = [];
    const { send, connections } = await clientOf((_request, response) => void waiting.push(response));
    const exchanges = Array.from({ length: 300 }, send);
    await eventually("all requests have arrived", () => waiting.length === 300);
    for (const response of waiting) streaming(response).end(LAST);
    expect((await Promise.all(exchanges)).filter(({ failure }) => failure)).toEqual([]);
    expect(connections()).toBe(300);
  });

  it("keeps what arrived of an answer that it gives up on, by its time limit or when told", async () => {
    const half = (_request: unknown, response: ServerResponse) => void streaming(response).write(TOKEN);
    const late = await (await clientOf(half, 150)).send();
    expect(late).toMatchObject({ text: "a", chunkTokens: [1], failure: { reason: "timeout" } });

    const { client } = await clientOf(half);
    const stopped = await client.sendBody("/v1/completions", "{}", () => client.abortAll("enough"));
    expect(stopped).toMatchObject({ text: "a", failure: { reason: "abort", detail: "enough" } });
  });

  it("tells an answer that broke off from one that ended, with a known length or without", async () => {
    for (const headers of [{}, { "content-length": "5000" }]) {
      const { send } = await clientOf((_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream", ...headers });
        response.write(TOKEN, () => response.socket?.destroy());
      });
      expect(await send()).toMatchObject({ text: "a", failure: { reason: "disconnect" } });
    }
    const { send } = await clientOf((_request, response) => void streaming(response).end(TOKEN));
    expect(await send()).toMatchObject({ text: "a", failure: { reason: "truncated" } });
  });

  it("sends again, on a fresh connection, what met a kept one that the server was closing", async () => {
    let served = 0;
    const { send, connections } = await clientOf((request, response) => {
      const { socket } = request;
      // As a server does that has closed its side: the answer to more is a reset.
      socket.removeAllListeners("data").on("data", () => socket.resetAndDestroy());
      served++;
      streaming(response).end(LAST);
    });
    for (let i = 0; i < 3; i++) {
      expect(await send()).toMatchObject({ text: "b", finishReason: "length" });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(served).toBe(3);
    expect(connections()).toBeGreaterThan(1);
  });

  it("does not send again what a server broke off on a connection of its own, nor after it began to answer", async () => {
    let served = 0;
    const { send } = await clientOf((request) => {
      served++;
      request.socket.resetAndDestroy();
    });
    expect(await send()).toMatchObject({ failure: { reason: "disconnect" } });
    expect(served).toBe(1);
  });

  it("names the error of a server that is not there", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    for (const host of ["127.0.0.1", "localhost"]) {
      const client = new ApiClient({
        url: `http://${host}:${port}`,
        endpoint: "completions",
        timeoutMs: 10_000,
      });
      const { failure, writtenAtMs } = await client.sendBody("/v1/completions", "{}");
      expect(failure?.reason).toBe("disconnect");
      expect(failure?.detail).toMatch(/^ECONNREFUSED: .*:\d+/);
      expect(writtenAtMs).toBeUndefined();
    }
  });
});
