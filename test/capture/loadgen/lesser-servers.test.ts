import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { readTrace } from "../../../lib/trace/files/index.js";
import { startFakeServer } from "./fake-server.js";
import { optionsFor, scratch, start } from "./loadgen-rig.js";

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

  it("that do not answer at all are refused before the run", async () => {
    const fake = await startFakeServer();
    await fake.close();
    await expect(runLoadgen(optionsFor(fake.url, {}))).rejects.toThrow(/does not serve fake: ECONNREFUSED/);
  });

  it("a context longer than the model's is refused before the run", async () => {
    const { url } = await start();
    await expect(runLoadgen(optionsFor(url, { pattern: "multiturn", prefixTokens: 99_990 }))).rejects.toThrow(
      /longest request takes 100215 tokens, but fake has a context of 100000/,
    );
  });
});

describe("llama.cpp", () => {
  it("is recognised by its slots, which are the requests that run and the prefixes that it remembers", async () => {
    const { url } = await start({ vllm: false, slots: 4 });
    const { trace } = await runLoadgen(optionsFor(url, { pattern: "burst", burstSize: 1, durationMs: 1 }));
    expect(trace.meta.extra).toMatchObject({ engine: "llama.cpp", engine_version: "b1-fake" });
    expect(trace.meta.engine).toMatchObject({ maxNumSeqs: 4, prefixReuse: "slots" });
  });
});
