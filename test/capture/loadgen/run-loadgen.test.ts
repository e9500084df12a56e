import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type LoadgenOptions,
  loadgenOptions,
  runLoadgen,
  summariseLoad,
} from "../../../lib/capture/loadgen/index.js";
import { engineFromMeta } from "../../../lib/replay/index.js";
import { isComplete, readTrace } from "../../../lib/trace/index.js";
import {
  answerCharacter,
  answerTogether,
  codes,
  type FakeServer,
  type FakeServerOptions,
  startFakeServer,
} from "./fake-server.js";

let server: FakeServer | undefined;
let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "prefixlab-loadgen-"));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(scratch, { recursive: true });
});

async function start(options: FakeServerOptions = {}): Promise<FakeServer> {
  server = await startFakeServer(options);
  return server;
}

function optionsFor(url: string, given: Partial<LoadgenOptions>): LoadgenOptions {
  return loadgenOptions({ url, model: "fake", promptTokens: 40, outputTokens: 5, warmup: 0, ...given });
}

/** Paths of the files that this process has open, where the system tells. */
function openFiles(): string[] {
  const directory = "/proc/self/fd";
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((fd) => {
    try {
      return [readlinkSync(join(directory, fd))];
    } catch {
      // The one that lists them is gone already.
      return [];
    }
  });
}

describe("multiturn", () => {
  const sessions: Partial<LoadgenOptions> = {
    pattern: "multiturn",
    ratePerSecond: 200,
    sessions: 6,
    turns: 3,
    prefixTokens: 64,
    prefixCount: 2,
    durationMs: 60_000,
  };

  for (const promptAs of ["ids", "text"] as const)
    it(`sends each turn as the prefix, all earlier prompts and real answers, and a new prompt (${promptAs})`, async () => {
      const { url, received } = await start();
      const { trace } = await runLoadgen(optionsFor(url, { ...sessions, promptAs }));
      expect(trace.records).toHaveLength(18);
      expect(trace.records.every(isComplete)).toBe(true);
      const bySize = (tokens: number) => received.filter(({ promptIds }) => promptIds.length === tokens);
      // Turn n: 64 prefix + n x 40 prompt + (n - 1) x 5 answer.
      expect([104, 149, 194].map((tokens) => bySize(tokens).length)).toEqual([6, 6, 6]);
      expect(new Set(received.map(({ promptIds }) => promptIds.slice(0, 64).join())).size).toBe(2);
      for (const { promptIds } of bySize(194)) {
        const parent = bySize(149).find((each) => each.promptIds.every((id, i) => id === promptIds[i]));
        expect(parent, "a turn-2 prompt that turn 3 begins with").toBeDefined();
        expect(promptIds.slice(149, 154)).toEqual(
          codes([0, 1, 2, 3, 4].map((k) => answerCharacter(149, k)).join("")),
        );
      }
    });

  it("sends a chat as a system prefix and alternating messages that hold the real answers", async () => {
    const { url, received } = await start();
    await runLoadgen(optionsFor(url, { ...sessions, endpoint: "chat" }));
    const last = received.filter(({ body }) => (body.messages as unknown[]).length === 6);
    expect(last).toHaveLength(6);
    for (const { body, path } of last) {
      expect(path).toBe("/v1/chat/completions");
      const messages = body.messages as { role: string; content: string }[];
      expect(messages.map(({ role }) => role)).toEqual([
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
      ]);
      expect(messages[2]?.content).toBe([0, 1, 2, 3, 4].map((k) => answerCharacter(104, k)).join(""));
    }
  });

  it("fires a turn only after the turn before has ended and the think time has passed", async () => {
    const { url } = await start({ behave: () => ({ kind: "answer", firstMs: 10, gapMs: 2 }) });
    const { trace } = await runLoadgen(optionsFor(url, { ...sessions, thinkTimeMs: 30 }));
    for (const record of trace.records) {
      if (record.turn === 1) continue;
      const before = trace.records.find((r) => r.session === record.session && r.turn === record.turn! - 1)!;
      expect(record.arrivalMs! - (before.arrivalMs! + before.elapsedMs!)).toBeGreaterThanOrEqual(30 - 0.01);
    }
  });

  it("records block hashes that chain from a turn's prompt and answer into the next turn's prompt", async () => {
    const { url } = await start();
    const { trace } = await runLoadgen(optionsFor(url, sessions));
    for (const record of trace.records) {
      expect(record.blockIds).toHaveLength(Math.floor(record.promptTokens / 16));
      expect(record.outputBlockIds).toHaveLength(
        Math.floor((record.promptTokens + record.outputTokens) / 16) - record.blockIds!.length,
      );
      if (record.turn === 1) continue;
      const before = trace.records.find((r) => r.session === record.session && r.turn === record.turn! - 1)!;
      const chain = [...before.blockIds!, ...before.outputBlockIds!];
      expect([...record.blockIds!].slice(0, chain.length)).toEqual(chain);
    }
    const turn1 = trace.records.filter(({ turn }) => turn === 1);
    expect(new Set(turn1.map(({ blockIds }) => blockIds![3])).size).toBe(2);
    expect(new Set(turn1.map(({ blockIds }) => blockIds![4])).size).toBe(6);
  });

  it("ends a session with its first failed turn and counts the turns that were not sent", async () => {
    const { url } = await start({
      behave: (n) => (n === 0 ? { kind: "status", status: 503, message: "full" } : { kind: "answer" }),
    });
    const result = await runLoadgen(optionsFor(url, sessions));
    expect(result.trace.records).toHaveLength(16);
    expect(result.notSent).toBe(2);
    expect(result.stopped).toBe(false);
    expect(result.warnings.join("\n")).toContain("2 planned requests were not sent");
  });

  it("fails when an answer cannot go into the next prompt, also while later sessions are still to come", async () => {
    const { url, received } = await start({
      behave: (n) => ({ kind: "answer", withoutIds: n === 0, firstMs: n === 0 ? 0 : 50 }),
    });
    const traceOut = join(scratch, "run.jsonl");
    const run = runLoadgen(optionsFor(url, { ...sessions, ratePerSecond: 0.3, seed: 1 }), { traceOut });
    await expect(run).rejects.toThrow(/gave no token ids of an answer: send prompts as text/);
    expect(received).toHaveLength(1);
    const { records } = await readTrace(`${traceOut}.partial`);
    expect(records.map(({ session, turn }) => [session, turn])).toEqual([["s0", 1]]);
    expect(openFiles()).not.toContain(`${traceOut}.partial`);
  });
});

describe("failures are records with a reason", () => {
  const one: Partial<LoadgenOptions> = { pattern: "burst", burstSize: 1, durationMs: 1 };

  it.each([
    [
      "an HTTP error",
      { kind: "status", status: 503, message: "queue full" },
      "error",
      0,
      "HTTP 503: queue full",
    ],
    ["an error inside the stream", { kind: "stream-error", afterTokens: 2 }, "error", 2, "the engine died"],
    ["a hang-up in mid-stream", { kind: "hang-up", afterTokens: 2 }, "disconnect", 2, ""],
    ["a stream that ends early in good order", { kind: "truncate", afterTokens: 3 }, "truncated", 3, ""],
    ["a server that never answers", { kind: "silence" }, "timeout", 0, "400 ms"],
  ] as const)("%s", async (_title, behaviour, reason, tokens, detail) => {
    const { url } = await start({ behave: () => behaviour });
    const timeoutMs = reason === "timeout" ? 400 : 60_000;
    const { trace, warnings } = await runLoadgen(optionsFor(url, { ...one, timeoutMs }));
    expect(trace.records).toHaveLength(1);
    const record = trace.records[0]!;
    expect(record.finishReason).toBe(reason);
    expect(isComplete(record)).toBe(false);
    expect(record.outputTokens).toBe(tokens);
    expect(record.promptTokens).toBe(40);
    expect(record.ttftMs === undefined).toBe(tokens === 0);
    expect(record.elapsedMs).toBeGreaterThan(0);
    expect(record.extra?.error).toContain(detail);
    expect(warnings.join()).toContain(`1 of 1 requests failed: ${reason}`);
  });

  it("a server that is gone in mid-run: later requests are disconnects, and the run ends", async () => {
    // However many are sent at once, the later ones do not get their answer before the server goes.
    const fake = await start({
      behave: (n) => (n < 10 ? { kind: "answer", gapMs: 5 } : { kind: "silence" }),
    });
    const { trace } = await runLoadgen(
      optionsFor(fake.url, { pattern: "poisson", ratePerSecond: 50, sessions: 20 }),
      { onProgress: ({ completed }) => completed >= 3 && void fake.close() },
    );
    server = undefined;
    expect(trace.records).toHaveLength(20);
    expect(trace.records.some(isComplete)).toBe(true);
    expect(trace.records.at(-1)?.finishReason).toBe("disconnect");
  });
});

describe("servers that offer less", () => {
  it("without token ids: prompts go as text, counts come from usage, and a warning says there are no hashes", async () => {
    const { url, received } = await start({ vllm: false });
    const { trace, warnings } = await runLoadgen(
      optionsFor(url, { pattern: "poisson", ratePerSecond: 100, sessions: 3 }),
    );
    expect(received.every(({ body }) => typeof body.prompt === "string")).toBe(true);
    expect(trace.records.map(({ promptTokens, outputTokens }) => [promptTokens, outputTokens])).toEqual(
      Array(3).fill([40, 5]),
    );
    expect(trace.records.every(({ blockIds }) => blockIds === undefined)).toBe(true);
    expect(trace.meta.extra.token_source).toBe("server: usage");
    expect(warnings.join()).toContain("they have no block hashes");
  });

  const multiturn: Partial<LoadgenOptions> = {
    pattern: "multiturn",
    ratePerSecond: 100,
    sessions: 3,
    turns: 2,
    prefixTokens: 64,
    promptAs: "text",
  };

  it("that only tokenize: hashes are added after the run, and chain through the answers", async () => {
    const { url } = await start({ vllm: false, tokenizes: true });
    const { trace, warnings } = await runLoadgen(optionsFor(url, multiturn));
    expect(warnings.filter((warning) => !warning.includes("went out late"))).toEqual([]);
    expect(trace.meta.extra.token_source).toBe("server: /tokenize");
    for (const record of trace.records) {
      expect(record.blockIds).toHaveLength(Math.floor(record.promptTokens / 16));
      if (record.turn === 1) continue;
      const before = trace.records.find((r) => r.session === record.session && r.turn === 1)!;
      const chain = [...before.blockIds!, ...before.outputBlockIds!];
      expect([...record.blockIds!].slice(0, chain.length)).toEqual(chain);
    }
  });

  it("that tell nothing: a tokenizer.json tells the token ids", async () => {
    const { url } = await start({ vllm: false });
    execFileSync(process.execPath, ["data/engine/make-model.mjs", scratch]);
    const tokenizerFile = join(scratch, "tokenizer.json");
    const { trace } = await runLoadgen(optionsFor(url, { ...multiturn, tokenizerFile }));
    expect(trace.meta.extra.token_source).toBe("library: @huggingface/tokenizers");
    expect(trace.records.map(({ blockIds }) => blockIds!.length)).toEqual(
      trace.records.map(({ promptTokens }) => Math.floor(promptTokens / 16)),
    );
    expect(JSON.stringify(trace.meta)).not.toContain(scratch);
    await expect(
      runLoadgen(optionsFor(url, { ...multiturn, tokenizerFile: join(scratch, "config.json") })),
    ).rejects.toThrow(/config.json is no tokenizer.json/);
  });

  it("that count fewer tokens than they give ids for: the ids count, the claim is beside them, the row can be read", async () => {
    const { url } = await start({ behave: () => ({ kind: "answer", claimsTokens: 3 }) });
    const traceOut = join(scratch, "run.jsonl");
    const sizes = { promptTokens: 40, outputTokens: 40 };
    await runLoadgen(optionsFor(url, { pattern: "burst", burstSize: 2, durationMs: 1, ...sizes }), {
      traceOut,
    });
    const { records, rejected } = await readTrace(traceOut);
    expect(rejected).toEqual([]);
    expect(records).toHaveLength(2);
    for (const record of records) {
      expect(record).toMatchObject({
        promptTokens: 40,
        outputTokens: 40,
        extra: { server_output_tokens: 3 },
      });
      expect(record.outputBlockIds).toHaveLength(3);
    }
  });

  it("that count fewer tokens than they send chunks of text: the count stands, and the row can be read", async () => {
    const { url } = await start({
      vllm: false,
      behave: () => ({ kind: "answer", claimsTokens: 3 }),
    });
    const traceOut = join(scratch, "run.jsonl");
    await runLoadgen(optionsFor(url, { pattern: "burst", burstSize: 2, durationMs: 1, outputTokens: 40 }), {
      traceOut,
    });
    const { records, rejected } = await readTrace(traceOut);
    expect(rejected).toEqual([]);
    expect(records.map(({ outputTokens, extra }) => [outputTokens, extra?.text_chunks])).toEqual([
      [3, 40],
      [3, 40],
    ]);
  });

  it("that refuse unknown fields get none", async () => {
    const { url, received } = await start({ vllm: false, strictFields: true });
    await runLoadgen(optionsFor(url, { pattern: "poisson", ratePerSecond: 100, sessions: 2 }));
    expect(received).toHaveLength(2);
    expect(received[0]?.body).not.toHaveProperty("ignore_eos");
  });

  it("that do not answer at all are refused before the run", async () => {
    const fake = await start();
    await fake.close();
    server = undefined;
    await expect(runLoadgen(optionsFor(fake.url, {}))).rejects.toThrow(/does not serve fake: ECONNREFUSED/);
  });

  it("a context longer than the model's is refused before the run", async () => {
    const { url } = await start();
    await expect(runLoadgen(optionsFor(url, { pattern: "multiturn", prefixTokens: 99_990 }))).rejects.toThrow(
      /longest request takes 100215 tokens, but fake has a context of 100000/,
    );
  });
});

describe("before the clock starts", () => {
  it("sends warm-up requests with prompts of their own, and records none of them", async () => {
    const { url, received } = await start();
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "poisson", ratePerSecond: 100, sessions: 3, warmup: 2 }),
    );
    expect(trace.records).toHaveLength(3);
    expect(new Set(received.map(({ promptIds }) => promptIds.join())).size).toBe(5);
  });

  it("learns the engine's version and block pool, and takes further facts from the caller", async () => {
    const { url } = await start();
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "burst", burstSize: 1, durationMs: 1, meta: { max_num_seqs: 64 } }),
    );
    expect(trace.meta.extra).toMatchObject({
      engine_version: "0.0.0-fake",
      engine_block_size: 32,
      num_gpu_blocks: 8192,
      enable_prefix_caching: false,
    });
    expect(trace.meta.maxNumSeqs).toBe(64);
    expect(() => optionsFor(url, { meta: { max_num_seqs: "many" } })).toThrow(
      /loadgenOptions: meta.max_num_seqs/,
    );
  });
});

describe("llama.cpp", () => {
  it("is recognised by its slots, which are the requests that run and the prefixes that it remembers", async () => {
    const { url } = await start({ vllm: false, slots: 4 });
    const { trace } = await runLoadgen(optionsFor(url, { pattern: "burst", burstSize: 1, durationMs: 1 }));
    expect(trace.meta.extra).toMatchObject({ engine: "llama.cpp", engine_version: "b1-fake" });
    expect(engineFromMeta(trace.meta)).toMatchObject({ maxNumSeqs: 4, prefixReuse: "slots" });
  });
});

describe("arrivals", () => {
  it("open loop: a server that answers slowly holds no arrival back", async () => {
    // The first answer comes when the last request is there.
    const { url } = await start({ behave: answerTogether(40) });
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "poisson", ratePerSecond: 100, sessions: 40, timeoutMs: 30_000 }),
    );
    expect(trace.records.every(isComplete)).toBe(true);
    expect(trace.records.map(({ concurrency }) => concurrency)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
  });

  it("the same seed sends the same prompts, another seed others", async () => {
    const { url, received } = await start();
    const promptsOf = async (seed: number) => {
      const from = received.length;
      const { trace } = await runLoadgen(
        optionsFor(url, { pattern: "poisson", ratePerSecond: 200, sessions: 5, seed }),
      );
      const { records, blocks } = trace;
      return {
        inOrder: records.map(({ blockIds }) => Array.from(blockIds!, (id) => blocks.text(id)).join()),
        // Requests sent close together may come in either order.
        whole: received
          .slice(from)
          .map(({ promptIds }) => promptIds.join())
          .sort(),
      };
    };
    const [first, again, other] = [await promptsOf(1), await promptsOf(1), await promptsOf(2)];
    expect(new Set(first.inOrder).size).toBe(5);
    expect(again).toEqual(first);
    expect(other.inOrder).not.toEqual(first.inOrder);
    expect(other.whole).not.toEqual(first.whole);
  });

  it("burst: simultaneous requests every interval", async () => {
    const { url } = await start();
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "burst", burstSize: 4, burstIntervalMs: 150, durationMs: 400 }),
    );
    expect(trace.records).toHaveLength(12);
    for (const [i, { arrivalMs, extra }] of trace.records.entries()) {
      // A request is sent no earlier than it is due, and its lag counts from then, however busy the machine is.
      const dueAtMs = 150 * Math.floor(i / 4);
      expect(arrivalMs!).toBeGreaterThanOrEqual(dueAtMs - 0.01);
      expect(arrivalMs! - (extra?.send_lag_ms as number)).toBeLessThanOrEqual(dueAtMs + 0.01);
    }
  });

  it("staircase: concurrency never exceeds the level of its stair", async () => {
    const { url } = await start({ behave: () => ({ kind: "answer", firstMs: 50, gapMs: 1 }) });
    const { trace, loop } = await runLoadgen(
      optionsFor(url, { pattern: "staircase", stairs: [1, 4], durationMs: 800 }),
    );
    expect(loop).toBe("closed");
    // A machine that stands still for a stair sends nothing in it: the levels are bounds, and the second is reached.
    const below = trace.records.filter(({ arrivalMs }) => arrivalMs! < 400);
    expect(below.every(({ concurrency }) => concurrency === 1)).toBe(true);
    expect(Math.max(...trace.records.map(({ concurrency }) => concurrency!))).toBe(4);
  });
});

describe("files and interruption", () => {
  it("writes a trace that reads back as the run's own, and leaves no partial file", async () => {
    const { url } = await start();
    const traceOut = join(scratch, "run.jsonl.gz");
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "multiturn", ratePerSecond: 100, sessions: 3, turns: 2, prefixTokens: 64 }),
      { traceOut },
    );
    const read = await readTrace(traceOut);
    expect(read.rejected).toEqual([]);
    expect(read.warnings).toEqual([]);
    expect(read.meta).toEqual(trace.meta);
    expect(read.records.map(({ session, turn, ttftMs }) => [session, turn, ttftMs])).toEqual(
      trace.records.map(({ session, turn, ttftMs }) => [session, turn, ttftMs]),
    );
    expect(read.records.map(({ blockIds }) => blockIds!.length)).toEqual(
      trace.records.map(({ blockIds }) => blockIds!.length),
    );
    expect(existsSync(join(scratch, "run.jsonl.partial"))).toBe(false);
  });

  it("stopped in mid-run: finished requests stay, those in flight are aborts, the rest is counted as not sent", async () => {
    const stop = new AbortController();
    let [isAnswered, isPending] = [false, false];
    const stopWhenDue = () => isAnswered && isPending && stop.abort();
    const { url } = await start({
      behave: (n) => {
        if (n < 3) return { kind: "answer" };
        isPending = true;
        stopWhenDue();
        return { kind: "silence" };
      },
    });
    const traceOut = join(scratch, "run.jsonl");
    const result = await runLoadgen(
      optionsFor(url, { pattern: "poisson", ratePerSecond: 20, sessions: 100, durationMs: 60_000 }),
      {
        signal: stop.signal,
        traceOut,
        onProgress: ({ completed }) => {
          isAnswered = completed >= 3;
          stopWhenDue();
        },
      },
    );
    expect(result.stopped).toBe(true);
    const reasons = result.trace.records.map(({ finishReason }) => finishReason);
    expect(reasons.filter((reason) => reason === "length")).toHaveLength(3);
    expect(new Set(reasons)).toEqual(new Set(["length", "abort"]));
    expect(result.trace.records.length + result.notSent).toBe(100);
    expect((await readTrace(traceOut)).records).toHaveLength(result.trace.records.length);
    expect(readFileSync(traceOut, "utf8").split("\n")[0]).toContain(`"not_sent":${result.notSent}`);
  });

  it("never writes the API key, the prompts or the answers", async () => {
    const { url } = await start();
    const traceOut = join(scratch, "run.jsonl");
    const result = await runLoadgen(
      optionsFor(url, {
        pattern: "poisson",
        ratePerSecond: 100,
        sessions: 2,
        promptAs: "text",
        apiKey: "sk-secret",
      }),
      { traceOut },
    );
    const written = readFileSync(traceOut, "utf8") + JSON.stringify(summariseLoad(result));
    expect(written).not.toContain("sk-secret");
    expect(written).not.toContain(answerCharacter(40, 0) + answerCharacter(40, 1) + answerCharacter(40, 2));
  });
});
