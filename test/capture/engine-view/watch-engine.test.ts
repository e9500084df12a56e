import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { XPublisher } from "zeromq";
import { type EngineWatchOptions, watchEngine } from "../../../lib/capture/engine-view/index.js";
import { engineViewPath, readEngineView } from "../../../lib/trace/files/index.js";
import { BlockTable } from "../../../lib/trace/index.js";
import { afterTest, eventually, httpServer, scratchFile } from "../scratch.js";
import { encodeMsgpack, message, recordedFrames } from "./recorded-frames.js";

/** An engine that publishes KV events, and says when somebody listens. */
async function publishingEngine() {
  const socket = new XPublisher({ linger: 0 });
  await socket.bind("tcp://127.0.0.1:*");
  afterTest(() => socket.close());
  return {
    address: socket.lastEndpoint ?? "",
    heard: () => socket.receive(),
    async send(frames: Uint8Array[]) {
      await socket.send(frames.map((frame) => Buffer.from(frame)));
    },
  };
}

/** An engine's metrics page that can be changed. */
async function metricsPage(page: { text: string | undefined }) {
  const server = await httpServer((request, response) => {
    if (request.url === "/metrics" && page.text !== undefined) response.end(page.text);
    else response.writeHead(404).end();
  });
  return `${server.url}/metrics`;
}

async function watch(options: Partial<EngineWatchOptions>) {
  const problems: string[] = [];
  const traceOut = scratchFile("tap.jsonl.gz");
  const watching = await watchEngine({ traceOut, blockSize: 16, ...options }, (problem) =>
    problems.push(problem),
  );
  afterTest(() => watching.close());
  const begin = (isContinued = false) => watching.begin({ unixMs: Date.now(), isContinued });
  const text = () => readFileSync(engineViewPath(traceOut), "utf8");
  const view = () => readEngineView(traceOut, { blocks: new BlockTable() });
  return { watching, begin, problems, traceOut, text, view };
}

const queries = (queried: number, hits: number) =>
  `vllm:prefix_cache_queries_total ${queried}\nvllm:prefix_cache_hits_total ${hits}\n`;

describe("an engine's KV events", () => {
  it("are recorded as blocks under the trace's own key, and no token is", async () => {
    const engine = await publishingEngine();
    const key = new Uint8Array([9, 9]);
    const { watching, begin, view, text } = await watch({ kvEvents: engine.address, fingerprintKey: key });
    await engine.heard();
    begin();
    const frames = recordedFrames();
    for (const each of frames) await engine.send(each);
    await eventually("all are in", () => watching.counts.batches === frames.length);
    await watching.close();
    expect(await view()).toMatchObject({
      missedBatches: 0,
      storedBlocks: 340,
      joinedBlocks: 340,
      problems: [],
    });
    expect(watching.counts).toMatchObject({ storedBlocks: 340, removedBlocks: 82, lostLines: 0 });
    // A salt's text is in one of the events.
    expect(text()).not.toContain("s1");
    const lines = text().trimEnd().split("\n");
    expect(JSON.parse(lines[0]).engine_view).toMatchObject({ schema: 1, block_size: 16, kv_events: true });
    expect(Object.keys(JSON.parse(lines[1]))).toEqual(["at_ms", "sent_ms", "seq", "rank", "events"]);
    expect(JSON.parse(lines[lines.length - 1])).toEqual({
      end: { snapshots: 0, batches: frames.length, missed_batches: 0 },
    });
  });

  it("count the gaps in their numbers; an engine that begins again has an empty cache", async () => {
    const engine = await publishingEngine();
    const { watching, begin, view } = await watch({ kvEvents: engine.address });
    await engine.heard();
    begin();
    const stored = encodeMsgpack([
      1,
      [["BlockStored", [5], null, Array.from({ length: 16 }, (_, i) => i), 16, null]],
    ]);
    const removed = encodeMsgpack([2, [["BlockRemoved", [5], "GPU"]]]);
    for (const [sequence, payload] of [
      [3, stored],
      [7, removed],
      [8, stored],
      [0, removed],
    ] as const)
      await engine.send(message(sequence, payload));
    await eventually("all are in", () => watching.counts.batches === 4);
    await watching.close();
    const read = await view();
    expect(watching.counts.missedBatches).toBe(3);
    expect(read?.missedBatches).toBe(3);
    const [first, second] = read?.batches.map(({ events }) => events[0]) ?? [];
    expect(first).toMatchObject({ kind: "stored" });
    expect(second).toMatchObject({ kind: "removed", blockIds: Int32Array.of(0) });
    expect(read?.batches[3].events).toEqual([
      { kind: "cleared" },
      { kind: "removed", blockIds: Int32Array.of(-1) },
    ]);
  });

  it("before the capture's clock begins stand before its start", async () => {
    const engine = await publishingEngine();
    const { watching, begin, view, traceOut } = await watch({ kvEvents: engine.address });
    await engine.heard();
    await engine.send(message(0, encodeMsgpack([0, [["AllBlocksCleared"]]])));
    await eventually("it is in", () => watching.counts.batches === 1);
    expect(existsSync(engineViewPath(traceOut))).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    begin();
    await watching.close();
    expect((await view())?.batches[0].atMs).toBeLessThan(0);
  });

  it("that cannot be read are said once, and the others go on", async () => {
    const engine = await publishingEngine();
    const { watching, begin, problems } = await watch({ kvEvents: engine.address });
    await engine.heard();
    begin();
    await engine.send(message(0, new Uint8Array([0xc1])));
    await engine.send(message(1, new Uint8Array([0xc1])));
    await engine.send(message(2, encodeMsgpack([0, []])));
    await eventually("the last is in", () => watching.counts.batches === 1);
    expect(problems).toEqual([
      "a KV event cannot be read (msgpack: no value begins with 0xc1); others may follow",
    ]);
  });

  it("of an engine that connects are bound for", async () => {
    const address = `ipc://${scratchFile("bound")}`;
    const { watching, begin } = await watch({ kvEvents: `bind:${address}` });
    begin();
    const engine = new XPublisher({ linger: 0 });
    afterTest(() => engine.close());
    engine.connect(address);
    await engine.receive();
    await engine.send(message(0, encodeMsgpack([0, []])).map((frame) => Buffer.from(frame)));
    await eventually("it is in", () => watching.counts.batches === 1);
  });

  it("that never come are said at the end, with what to look at", async () => {
    const { watching, begin, problems, traceOut } = await watch({ kvEvents: `ipc://${scratchFile("none")}` });
    begin();
    await watching.close();
    expect(problems).toEqual([expect.stringMatching(/^no KV event came from ipc:.*--kv-events-config/)]);
    expect(existsSync(engineViewPath(traceOut))).toBe(false);
  });

  it.each(["5557", "http://127.0.0.1:5557", ""])("%j is no address", async (kvEvents) => {
    await expect(watch({ kvEvents })).rejects.toThrow(/--kv-events must be ipc:\/\/PATH or tcp/);
  });
});

describe("an engine's counters", () => {
  it("are recorded at the start, as they change, and at the end", async () => {
    const page = { text: queries(100, 10) as string | undefined };
    const { watching, begin, view } = await watch({ metricsUrl: await metricsPage(page), everyMs: 20 });
    begin();
    await eventually("the start is seen", () => watching.counts.snapshots === 1);
    page.text = queries(200, 90);
    await eventually("a change is seen", () => watching.counts.snapshots === 2);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(watching.counts.snapshots).toBe(2);
    page.text = queries(300, 120);
    await watching.close();
    const counters = (await view())?.snapshots.map((snapshot) => snapshot.counters);
    expect(counters).toEqual([
      { queriedTokens: 100, hitTokens: 10 },
      { queriedTokens: 200, hitTokens: 90 },
      { queriedTokens: 300, hitTokens: 120 },
    ]);
  });

  it("that are not there are no problem, unless they were asked for", async () => {
    const page = { text: undefined as string | undefined };
    const metricsUrl = await metricsPage(page);
    const quiet = await watch({ metricsUrl, everyMs: 10 });
    quiet.begin();
    const asked = await watch({ metricsUrl, everyMs: 10, needsMetrics: true });
    asked.begin();
    await eventually("the one that was asked for says so", () => asked.problems.length > 0);
    expect(quiet.problems).toEqual([]);
    expect(existsSync(engineViewPath(quiet.traceOut))).toBe(false);
    expect(asked.problems).toEqual([`${metricsUrl}: does not answer; asked again every few seconds`]);
    page.text = queries(1, 0);
    await eventually("it is up", () => asked.watching.counts.snapshots === 1);
  });
});

describe("a page without end", () => {
  it("is given up early, and is none", async () => {
    let written = 0;
    let isOver = false;
    const server = await httpServer((_, response) => {
      response.on("close", () => {
        isOver = true;
      });
      const more = () => {
        while (!isOver && written < 256 * 2 ** 20) {
          written += 2 ** 16;
          if (!response.write(queries(1, 0).padEnd(2 ** 16, "#"))) return response.once("drain", more);
        }
        return response.end();
      };
      more();
    });
    const { watching, begin } = await watch({ metricsUrl: `${server.url}/metrics`, everyMs: 60_000 });
    begin();
    await eventually("it is given up", () => isOver);
    expect(written).toBeLessThan(64 * 2 ** 20);
    expect(watching.counts.snapshots).toBe(0);
  });
});

describe("the file of a view", () => {
  it("is continued with its trace, and replaced where the trace is another", async () => {
    const page = { text: queries(1, 0) as string | undefined };
    const metricsUrl = await metricsPage(page);
    const { traceOut, watching, begin, text } = await watch({ metricsUrl });
    begin();
    await eventually("it is seen", () => watching.counts.snapshots === 1);
    await watching.close();
    const again = async (isContinued: boolean) => {
      const next = await watchEngine({ traceOut, blockSize: 16, metricsUrl }, () => {});
      next.begin({ unixMs: Date.now(), isContinued });
      if (page.text !== undefined) await eventually("it is seen", () => next.counts.snapshots === 1);
      await next.close();
      return text().split("engine_view").length - 1;
    };
    expect(await again(true)).toBe(2);
    expect(await again(false)).toBe(1);
    page.text = undefined;
    expect(await again(false).catch((error: NodeJS.ErrnoException) => error.code)).toBe("ENOENT");
  });

  it("that cannot be written is said once, counted, and the watch goes on", async () => {
    const page = { text: queries(1, 0) as string | undefined };
    const missing = `${scratchFile("gone")}/no/such/folder/tap.jsonl`;
    const { watching, begin, problems } = await watch({
      metricsUrl: await metricsPage(page),
      everyMs: 10,
      traceOut: missing,
    });
    begin();
    await eventually("the first is lost", () => watching.counts.lostLines >= 1);
    page.text = queries(2, 0);
    await eventually("both are lost", () => watching.counts.lostLines >= 2);
    expect(problems).toEqual([expect.stringContaining("cannot be written (ENOENT)")]);
  });

  it("has its bad lines told, and the others read", async () => {
    const traceOut = scratchFile("tap.jsonl");
    writeFileSync(
      engineViewPath(traceOut),
      [
        '{"engine_view":{"schema":1,"block_size":16}}',
        '{"at_ms":1,"counters":{"hit_tokens":-1}}',
        '{"at_ms":2,"counters":{"hit_tokens":5}}',
        '{"at_ms":3,"seq":0,"events":[{"stored":["xyz"],"block_size":16}]}',
        '{"at_ms":4,"seq":1,"events":[{"removed":["#7",null,"00000000000000ff"]}]}',
        '{"at_ms":"soon","counters":{}}',
        '{"at_ms":5,"cou',
      ].join("\n"),
    );
    const view = await readEngineView(traceOut, { blocks: new BlockTable() });
    expect(view?.snapshots).toEqual([{ atMs: 2, counters: { hitTokens: 5 } }]);
    expect(view?.batches.map(({ sequence }) => sequence)).toEqual([1]);
    expect(view?.problems).toEqual([
      { line: 2, reason: "hit_tokens must be a finite number >= 0, got -1" },
      { line: 4, reason: 'a block must be 16 hexadecimal digits, "#" and a number, or null, got "xyz"' },
      { line: 6, reason: 'at_ms must be a finite number, got "soon"' },
      { line: 7, reason: "not JSON" },
    ]);
  });
});
