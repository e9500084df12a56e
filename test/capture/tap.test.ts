import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer as createNetServer } from "node:net";
import { gzipSync } from "node:zlib";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import { startTap } from "../../lib/capture/index.js";
import { Recorder } from "../../lib/capture/tap/recorder.js";
import { bodyOf, fakeUpstream } from "./fake-upstream.js";
import { afterTest, eventually, httpServer, scratchFile } from "./scratch.js";
import { tapBefore } from "./tap-rig.js";

function complete(url: string, body: unknown, headers: Record<string, string> = {}) {
  return request(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** The address of a server that is not there yet. */
async function lateUpstream() {
  const server = createNetServer();
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
  const close = () => new Promise((resolve) => server.close(resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  await close();
  return {
    url: `http://127.0.0.1:${port}`,
    /** From now on it is the server at this address. */
    async forwardTo(url: string) {
      server.on("connection", (socket) => {
        const onward = connect(Number(new URL(url).port), "127.0.0.1");
        for (const end of [socket, onward]) end.on("error", () => {});
        socket.pipe(onward).pipe(socket);
        afterTest(() => {
          socket.destroy();
          onward.destroy();
        });
      });
      await listen(port);
      afterTest(close);
    },
  };
}

const ids = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i);

describe("what passes through the tap", () => {
  it("is the same bytes both ways, whatever the encoding, with headers, status and path", async () => {
    const answer = gzipSync(randomBytes(300_000));
    let digest = "";
    let seen: { url?: string | undefined; cookies?: string | undefined; method?: string | undefined } = {};
    const upstream = await httpServer(async (incoming, response) => {
      const hash = createHash("sha256");
      for await (const chunk of incoming) hash.update(chunk as Buffer);
      digest = hash.digest("hex");
      seen = { url: incoming.url, cookies: incoming.headers.cookie, method: incoming.method };
      response.writeHead(207, "Many Things", { "content-encoding": "gzip", "set-cookie": ["a=1", "b=2"] });
      response.end(answer);
    });
    const { url } = await tapBefore(`${upstream.url}/base`);
    const body = randomBytes(500_000);
    const got = await request(`${url}/any/path?q=%20x`, { method: "PUT", body, headers: { cookie: "c=3" } });
    expect(Buffer.from(await got.body.arrayBuffer()).equals(answer)).toBe(true);
    expect(digest).toBe(createHash("sha256").update(body).digest("hex"));
    expect(got.statusCode).toBe(207);
    expect(got.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(seen).toEqual({ url: "/base/any/path?q=%20x", cookies: "c=3", method: "PUT" });
  });

  it("keeps the frame of an answer in chunks: its trailers, none for HEAD, and the next on the same connection", async () => {
    const upstream = await httpServer(async (incoming, response) => {
      await bodyOf(incoming);
      response.writeHead(200, { "transfer-encoding": "chunked", trailer: "x-sum" });
      for (const piece of ["one ", "two ", "three"]) response.write(piece);
      response.addTrailers({ "x-sum": "6" });
      response.end();
    });
    const { url } = await tapBefore(upstream.url);
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    for (const method of ["HEAD", "GET", "GET"]) {
      const from = text.length;
      socket.write(`${method} /page HTTP/1.1\r\nHost: a\r\n\r\n`);
      const end = method === "HEAD" ? "\r\n\r\n" : "0\r\nx-sum: 6\r\n\r\n";
      await eventually(`the answer to ${method} is whole`, () => text.length > from && text.endsWith(end));
      const [, body] = text.slice(from).split(/\r\n\r\n(.*)/s);
      const said = body.replace(/0\r\nx-sum.*$/s, "").replace(/[0-9a-f]+\r\n(.*?)\r\n/gs, "$1");
      expect(said).toBe(method === "HEAD" ? "" : "one two three");
    }
    socket.destroy();
  });

  it("comes piece by piece: the first token is with the client before the second exists", async () => {
    let release = () => {};
    const upstream = await httpServer(async (incoming, response) => {
      await bodyOf(incoming);
      if (incoming.method === "GET" || incoming.url === "/tokenize") return response.writeHead(404).end();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"text":"a"}]}\n\n');
      release = () => response.end("data: [DONE]\n\n");
      return undefined;
    });
    const { url } = await tapBefore(upstream.url);
    const got = await complete(url, { prompt: ids(4), stream: true });
    const reader = got.body[Symbol.asyncIterator]();
    const first = await reader.next();
    expect(String(first.value)).toContain('"text":"a"');
    release();
    expect(String((await reader.next()).value)).toContain("[DONE]");
    expect((await reader.next()).done).toBe(true);
  });

  it("slows the upstream down when the client reads slowly", async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    const upstream = await httpServer((_incoming, response) => {
      const piece = Buffer.alloc(256 * 1024);
      const fill = () => {
        while (written < total) {
          written += piece.length;
          if (!response.write(piece)) return response.once("drain", fill);
        }
        response.end();
        return undefined;
      };
      fill();
    });
    const { url } = await tapBefore(upstream.url, { metrics: false });
    const got = await request(`${url}/big`);
    let before = -1;
    // The client reads nothing: what the sockets hold fills up, and then the upstream stands still.
    while (written !== before) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(written).toBeLessThan(total / 2);
    let read = 0;
    for await (const chunk of got.body) read += (chunk as Buffer).length;
    expect(read).toBe(total);
  });

  it("ends with the client: its upstream request is cut when it goes away", async () => {
    const upstream = await fakeUpstream({ tokens: 1000 });
    const { url, trace, tap } = await tapBefore(upstream.url);
    const got = await complete(url, { prompt: ids(40), stream: true });
    await got.body[Symbol.asyncIterator]().next();
    got.body.destroy();
    got.body.on("error", () => {});
    await eventually("the upstream sees the client go", () => upstream.seen.aborted === 1);
    await eventually("the record is written", () => tap.recordCount === 1);
    const { records } = await trace();
    expect(records[0]?.finishReason).toBe("abort");
    expect(records[0]?.ttftMs).toBeGreaterThan(0);
  });

  it("records what it cuts off when it is closed, before the file ends", async () => {
    const upstream = await fakeUpstream({ tokens: 1_000_000 });
    const problems: string[] = [];
    const { url, trace } = await tapBefore(upstream.url, { onProblem: (message) => problems.push(message) });
    const got = await complete(url, { prompt: ids(40), stream: true });
    await got.body[Symbol.asyncIterator]().next();
    got.body.on("error", () => {});
    const { records } = await trace();
    expect(problems.filter((problem) => !problem.includes("a replay assumes"))).toEqual([]);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ promptTokens: 40, finishReason: "abort" });
    expect(records[0]?.outputTokens).toBeGreaterThan(0);
    await eventually("the upstream sees the client go", () => upstream.seen.aborted === 1);
  });

  it("breaks off where the upstream does, and does not end as if it were whole", async () => {
    const upstream = await fakeUpstream({ tokens: 6, breakAfter: 3 });
    const { url, trace } = await tapBefore(upstream.url);
    const got = await complete(url, { prompt: ids(40), stream: true });
    await expect(got.body.text()).rejects.toThrow();
    const { records } = await trace();
    expect(records[0]).toMatchObject({ finishReason: "disconnect", outputTokens: 3 });
  });

  it("sends once more, on a fresh connection, what met a kept one that the upstream was closing", async () => {
    const bodies: string[] = [];
    const upstream = await httpServer(async (incoming, response) => {
      const { socket } = incoming;
      if (incoming.method === "POST") bodies.push(await bodyOf(incoming));
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end('data: {"choices":[{"index":0,"text":"a","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
      // As a server does that has closed its side: the answer to more is a reset.
      socket.removeAllListeners("data").on("data", () => socket.resetAndDestroy());
    });
    const { url, trace } = await tapBefore(upstream.url);
    for (let i = 0; i < 3; i++) {
      const got = await complete(url, { prompt: ids(40, i), stream: true });
      expect(await got.body.text()).toContain("[DONE]");
    }
    expect(bodies.filter((body) => body.includes("stream"))).toHaveLength(3);
    const { records } = await trace();
    expect(records.map((record) => record.finishReason)).toEqual(["stop", "stop", "stop"]);
  });

  it("does not send again what the upstream broke off on a connection of its own", async () => {
    let served = 0;
    const upstream = await httpServer((incoming) => {
      if (incoming.url?.includes("completions")) served++;
      incoming.socket.resetAndDestroy();
    });
    const { url } = await tapBefore(upstream.url);
    await expect(complete(url, { prompt: ids(40), stream: true })).rejects.toThrow();
    expect(served).toBe(1);
  });

  it("is a 502 with a clear body where there is no upstream, and the tap lives on", async () => {
    const { url, trace } = await tapBefore((await lateUpstream()).url);
    const got = await complete(url, { prompt: ids(20), stream: true });
    expect(got.statusCode).toBe(502);
    expect(await got.body.json()).toMatchObject({ error: { message: expect.stringContaining("upstream") } });
    expect((await complete(url, { prompt: ids(20) })).statusCode).toBe(502);
    const { records } = await trace();
    expect(records.map((record) => record.finishReason)).toEqual(["disconnect", "disconnect"]);
  });
});

describe("a tap whose port is taken", () => {
  it("says so, records nothing and leaves files as they were", async () => {
    const { url } = await httpServer((_incoming, response) => response.end());
    const traceOut = scratchFile("tap.jsonl");
    let sinks = 0;
    const start = () =>
      startTap(
        { host: "127.0.0.1", port: Number(new URL(url).port), upstream: url, traceOut },
        (sink, listener) => {
          sinks++;
          return new Recorder(sink, listener);
        },
      );
    await expect(start()).rejects.toThrow(/cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/);
    expect(existsSync(traceOut)).toBe(false);
    const earlier = `{"meta":{"source":"tap","block_size":16,"fingerprint":"fnv1a64","started_at":1000}}\n`;
    writeFileSync(traceOut, earlier);
    await expect(start()).rejects.toThrow(/EADDRINUSE/);
    expect(readFileSync(traceOut, "utf8")).toBe(earlier);
    expect(sinks).toBe(0);
  });
});

describe("what the tap records", () => {
  it("is a record a request: times, counts, cached tokens, blocks, and how many were in flight", async () => {
    const upstream = await fakeUpstream({ tokens: 5, gapMs: 8 });
    const { url, trace } = await tapBefore(upstream.url, { blockSize: 16 });
    const both = await Promise.all([
      complete(url, { model: "m", prompt: ids(40), stream: true }),
      complete(url, { model: "m", prompt: [...ids(32), ...ids(8, 900)], stream: true }),
    ]);
    await Promise.all(both.map((answer) => answer.body.text()));
    const { meta, records, warnings, rejected } = await trace();
    expect(rejected).toEqual([]);
    expect(warnings).toEqual([]);
    expect(meta).toMatchObject({ model: "m", source: "tap", blockSize: 16 });
    expect(meta.extra).toMatchObject({
      engine_version: "9.9.9",
      fingerprint: "fnv1a64",
      text_tokens: "bytes",
    });
    expect(records).toHaveLength(2);
    for (const record of records) {
      expect(record).toMatchObject({
        promptTokens: 40,
        cachedTokens: 16,
        outputTokens: 5,
        finishReason: "length",
      });
      expect(record.itlMs).toHaveLength(4);
      expect(record.ttftMs).toBeGreaterThan(4);
      expect(record.ttftMs as number).toBeLessThanOrEqual(record.elapsedMs as number);
      expect(record.extra).toMatchObject({ token_source: "request" });
    }
    expect(records.map((record) => record.concurrency).sort()).toEqual([1, 2]);
    const [a, b] = records as [(typeof records)[0], (typeof records)[0]];
    expect(a.blockIds).toEqual(b.blockIds);
    expect(a.blockIds).toHaveLength(2);
    // 40 + 5 tokens are two full blocks, so the answer fills none of its own.
    expect(a.outputBlockIds ?? new Int32Array()).toHaveLength(0);
  });

  it("takes token ids of text from the server's tokenizer, else one a byte, and says which", async () => {
    const text = "x".repeat(40);
    const sources: unknown[] = [];
    for (const hasTokenizer of [true, false]) {
      const upstream = await fakeUpstream({ hasTokenizer });
      const { url, trace } = await tapBefore(upstream.url);
      await (await complete(url, { prompt: text, stream: true })).body.text();
      const { meta, records } = await trace();
      expect(records[0]?.blockIds).toHaveLength(2);
      sources.push(meta.extra.text_tokens, records[0]?.extra?.token_source);
    }
    expect(sources).toEqual(["tokenize", "tokenize", "bytes", "bytes"]);
  });

  it("learns what the server is from the first request that it lets in, not from one with a wrong key", async () => {
    const upstream = await fakeUpstream({ hasTokenizer: true, apiKey: "right" });
    const { url, trace } = await tapBefore(upstream.url);
    const body = { model: "m", prompt: "x".repeat(40), stream: true };
    for (const key of ["wrong", "right", "right"])
      await (await complete(url, body, { authorization: `Bearer ${key}` })).body.text();
    const { meta, records } = await trace();
    expect(records.map(({ finishReason }) => finishReason)).toEqual(["error", "length", "length"]);
    expect(records.slice(1).map(({ extra }) => extra?.token_source)).toEqual(["tokenize", "tokenize"]);
    expect(records[1]?.blockIds).toEqual(records[2]?.blockIds);
    expect(records[1]?.blockIds).not.toEqual(records[0]?.blockIds);
    expect(meta.extra).toMatchObject({ engine_version: "9.9.9", text_tokens: "tokenize" });
  });

  it("learns it from a server that comes up after the tap", async () => {
    const late = await lateUpstream();
    const { url, trace } = await tapBefore(late.url);
    const body = { prompt: "x".repeat(40), stream: true };
    // More than may ask at once, so that the first one served is not one that asks.
    for (let i = 0; i < 20; i++) expect((await complete(url, body)).statusCode).toBe(502);
    const upstream = await fakeUpstream({ hasTokenizer: true });
    await late.forwardTo(upstream.url);
    for (let i = 0; i < 3; i++) await (await complete(url, body)).body.text();
    const { records } = await trace();
    expect(records.slice(-2).map(({ extra }) => extra?.token_source)).toEqual(["tokenize", "tokenize"]);
  });

  it("does not ask for ever: neither a server that keeps its tokenizer to itself nor one that lets nobody in", async () => {
    const closed = await fakeUpstream({ refusesTokenize: true });
    const served = await tapBefore(closed.url);
    const body = { prompt: "x".repeat(40), stream: true };
    for (let i = 0; i < 40; i++) await (await complete(served.url, body)).body.text();
    const { meta, records } = await served.trace();
    expect(records.every(({ extra }) => extra?.token_source === "bytes")).toBe(true);
    expect(meta.extra.text_tokens).toBe("bytes");
    expect(closed.seen.tokenized).toBeLessThanOrEqual(2);

    const locked = await fakeUpstream({ apiKey: "right" });
    const refused = await tapBefore(locked.url);
    for (let i = 0; i < 200; i++) await (await complete(refused.url, body)).body.text();
    expect((await refused.trace()).records).toHaveLength(200);
    expect(locked.seen.tokenized).toBeLessThanOrEqual(16);
  });

  it("counts an answer that is not streamed, without a time to first token that nobody saw", async () => {
    const upstream = await fakeUpstream({ tokens: 7 });
    const { url, trace } = await tapBefore(upstream.url);
    await (await complete(url, { prompt: ids(20) })).body.json();
    const { records } = await trace();
    expect(records[0]).toMatchObject({ outputTokens: 7, finishReason: "stop", extra: { stream: false } });
    expect(records[0]?.ttftMs).toBeUndefined();
  });

  it("never holds prompts, answers or credentials, and token ids only when asked", async () => {
    const upstream = await fakeUpstream();
    const prompt = "my secret prompt, long enough to fill blocks of sixteen";
    const headers = { authorization: "Bearer very-secret-key" };
    const plain = await tapBefore(upstream.url);
    await (await complete(plain.url, { prompt, stream: true }, headers)).body.text();
    await (await complete(plain.url, { prompt }, headers)).body.text();
    await plain.trace();
    expect(upstream.seen.headers[0]?.authorization).toBe("Bearer very-secret-key");
    expect(plain.text()).not.toMatch(/secret|Bearer|token_ids|t0/);

    const full = await tapBefore(upstream.url, { recordTokens: true });
    await (await complete(full.url, { prompt: ids(20), stream: true }, headers)).body.text();
    const { records } = await full.trace();
    expect(Array.from(records[0]?.outputTokenIds ?? [])).toEqual([500, 501, 502, 503]);
    expect(records[0]?.extra?.prompt_token_ids).toEqual(ids(20));
    expect(full.text()).not.toMatch(/secret|Bearer/);
  });

  it("has other fingerprints under another key, with the same sharing", async () => {
    const upstream = await fakeUpstream();
    const hashes: string[][] = [];
    for (const key of [undefined, Buffer.alloc(32, 1), Buffer.alloc(32, 2)]) {
      const { url, trace } = await tapBefore(upstream.url, key ? { fingerprintKey: key } : {});
      await (await complete(url, { prompt: ids(64), stream: true })).body.text();
      await (await complete(url, { prompt: [...ids(48), 7], stream: true })).body.text();
      const { records, blocks } = await trace();
      const [long, short] = records.map((record) =>
        Array.from(record.blockIds ?? [], (id) => blocks.text(id)),
      );
      expect(short).toEqual(long?.slice(0, 3));
      hashes.push(long as string[]);
    }
    expect(new Set(hashes.flat()).size).toBe(12);
  });
});
