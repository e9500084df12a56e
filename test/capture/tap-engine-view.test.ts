import { existsSync } from "node:fs";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import { XPublisher } from "zeromq";
import { startTap, type TapOptions } from "../../lib/capture/index.js";
import { Recorder } from "../../lib/capture/tap/recorder.js";
import { engineViewPath, readEngineView, readTrace } from "../../lib/trace/files/index.js";
import { encodeMsgpack, message } from "./engine-view/recorded-frames.js";
import { bodyOf } from "./fake-upstream.js";
import { afterTest, eventually, httpServer, scratchFile } from "./scratch.js";

const prompt = Array.from({ length: 40 }, (_, i) => 5 * i + 1);

/** A vLLM of few words: its pages, and one answer. */
async function vllm() {
  let queried = 0;
  return httpServer(async (incoming, response) => {
    await bodyOf(incoming);
    const answer = (text: string) => response.end(text);
    if (incoming.url === "/version") return answer('{"version":"0.32.0"}');
    if (incoming.url === "/metrics")
      return answer(
        `vllm:cache_config_info{block_size="32",num_gpu_blocks="8192",enable_prefix_caching="True"} 1.0\nvllm:prefix_cache_queries_total ${queried}\nvllm:prefix_cache_hits_total 0\n`,
      );
    if (incoming.url !== "/v1/completions") return response.writeHead(404).end();
    queried += prompt.length;
    return answer(
      JSON.stringify({
        choices: [{ index: 0, text: "a", finish_reason: "length" }],
        usage: { prompt_tokens: prompt.length, completion_tokens: 1 },
      }),
    );
  });
}

async function tapBefore(upstream: string, options: Partial<TapOptions> = {}) {
  const problems: string[] = [];
  const traceOut = scratchFile("tap.jsonl");
  const tap = await startTap(
    { host: "127.0.0.1", port: 0, upstream, traceOut, onProblem: (line) => problems.push(line), ...options },
    (sink, onProblem) => new Recorder(sink, onProblem),
  );
  let isClosed = false;
  const close = async () => {
    if (!isClosed) await tap.close(100);
    isClosed = true;
  };
  afterTest(close);
  const send = async () => {
    const body = JSON.stringify({ model: "small", prompt, max_tokens: 1 });
    const headers = { "content-type": "application/json" };
    await (await request(`${tap.url}/v1/completions`, { method: "POST", headers, body })).body.dump();
  };
  return { tap, traceOut, problems, send, close };
}

describe("the engine behind a tap", () => {
  it("has its pool in the trace, its settings given by the user beside it, and nothing assumed", async () => {
    const { send, close, traceOut, problems } = await tapBefore((await vllm()).url, {
      meta: { max_num_seqs: 64, max_num_batched_tokens: 512 },
    });
    await send();
    await close();
    expect((await readTrace(traceOut)).meta.engine).toEqual({
      blockSize: 32,
      kvCacheBlocks: 8191,
      maxNumSeqs: 64,
      maxNumBatchedTokens: 512,
      enablePrefixCaching: true,
    });
    expect(problems).toEqual([]);
  });

  it("does not tell its budget: what a replay assumes is said with the flags that give it", async () => {
    const { send, close, problems } = await tapBefore((await vllm()).url);
    await send();
    await close();
    expect(problems).toEqual([
      "tap: vllm does not tell all its settings, and a replay assumes max_num_seqs 256, max_num_batched_tokens 2048: give --max-num-seqs N --max-num-batched-tokens N",
    ]);
  });

  it("is looked at and listened to: blocks that it stores have the names of the rows' blocks", async () => {
    const engine = new XPublisher({ linger: 0 });
    await engine.bind("tcp://127.0.0.1:*");
    afterTest(() => engine.close());
    const key = new Uint8Array([7]);
    const { send, close, traceOut, tap } = await tapBefore((await vllm()).url, {
      kvEvents: engine.lastEndpoint ?? "",
      fingerprintKey: key,
    });
    await engine.receive();
    await eventually("the start is seen", () => tap.engineView?.snapshots === 1);
    await send();
    const stored = ["BlockStored", [11], null, prompt.slice(0, 32), 32, null, "GPU"];
    await engine.send(message(0, encodeMsgpack([0, [stored]])).map((frame) => Buffer.from(frame)));
    await eventually("it is in", () => tap.engineView?.batches === 1);
    await close();
    const trace = await readTrace(traceOut);
    const view = await readEngineView(traceOut, trace);
    const [row] = trace.records;
    expect(view?.batches[0].events).toMatchObject([
      { kind: "stored", blockIds: Int32Array.of(row.blockIds?.[1] ?? -1) },
    ]);
    expect(view?.batches[0].atMs).toBeGreaterThan(row.arrivalMs ?? 0);
    expect(view?.snapshots.map(({ counters }) => counters.queriedTokens)).toEqual([0, 40]);
  });

  it("is not watched where that is not wanted, or where it says nothing", async () => {
    const unwatched = await tapBefore((await vllm()).url, { metrics: false });
    await unwatched.send();
    await unwatched.close();
    expect(unwatched.tap.engineView).toBeUndefined();
    const silent = await httpServer((_, response) => response.writeHead(404).end());
    const watched = await tapBefore(silent.url);
    await watched.close();
    for (const { traceOut } of [unwatched, watched]) expect(existsSync(engineViewPath(traceOut))).toBe(false);
  });

  it("at no address: the tap does not start, and leaves no file", async () => {
    const traceOut = scratchFile("tap.jsonl");
    const { url } = await vllm();
    await expect(tapBefore(url, { kvEvents: "5557", traceOut })).rejects.toThrow(/--kv-events must be/);
    expect(existsSync(traceOut)).toBe(false);
  });

  it("has facts of its own that do not fit: they are refused", async () => {
    await expect(tapBefore((await vllm()).url, { meta: { max_num_seqs: "many" } })).rejects.toThrow(
      /max_num_seqs must be a whole number/,
    );
  });
});
