import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataDir } from "../../lib/captures/index.js";
import { capturedPacing } from "../../lib/replay/index.js";
import { importTrace } from "../../lib/trace/files/index.js";
import { decodeMs, meanGapMs, type Trace } from "../../lib/trace/index.js";
import { scratchFolder } from "./helpers.js";

const report = (name: string): Promise<Trace> =>
  importTrace(
    name.replace(/-(chat-)?[14]$/, ""),
    join(dataDir(), "reports", `${name}.${name.startsWith("aiperf") ? "jsonl" : "json"}.gz`),
  );

describe.each([
  ["guidellm-1", 60, 1],
  ["guidellm-4", 100, 4],
  ["aiperf-1", 60, 1],
  ["aiperf-4", 100, 4],
  ["vllm-bench-1", 60, 1],
  ["vllm-bench-4", 100, 4],
  ["vllm-bench-chat-4", 60, 4],
])("the report %s", (name, requests, places) => {
  it("has every request, with its arrival, tokens, TTFT and mean gap", async () => {
    const { meta, records, rejected } = await report(name);
    expect(meta.model).toBe("small");
    expect(rejected).toEqual([]);
    expect(records).toHaveLength(requests);
    expect(records[0].arrivalMs).toBe(0);
    for (const record of records) {
      expect(record.promptTokens).toBeGreaterThanOrEqual(16);
      // A prefill of this engine costs some 0.2 ms a token: no TTFT is that of a chunk without a token.
      expect(record.ttftMs).toBeGreaterThan(10 + 0.1 * record.promptTokens);
      expect(meanGapMs(record)).toBeGreaterThan(2);
      expect(meanGapMs(record)).toBeLessThan(200);
      expect(record.elapsedMs).toBeGreaterThanOrEqual(
        (record.ttftMs as number) + (decodeMs(record) as number) - 2,
      );
    }
  });

  it("tells its concurrency, was never above it, and replays closed-loop", async () => {
    const trace = await report(name);
    expect(trace.meta.extra.max_concurrency).toBe(places);
    expect(capturedPacing(trace)).toEqual({ pacing: "closed-loop", from: "captured" });
    const { records } = trace;
    const inFlight = records.map(
      ({ arrivalMs }, i) =>
        1 +
        records.filter(
          (other, j) =>
            j < i && (other.arrivalMs as number) + (other.elapsedMs as number) > (arrivalMs as number) + 1,
        ).length,
    );
    expect(Math.max(...inFlight)).toBe(places);
  });
});

describe("AIPerf's gaps", () => {
  it("of chunks that were read together are chunks of several tokens, which last as long", async () => {
    const { records, warnings } = await report("aiperf-1");
    expect(warnings.map(({ reason }) => reason).join("\n")).toContain("read chunks together");
    const joined = records.filter(({ itlTokens }) => itlTokens !== undefined);
    expect(joined.length).toBeGreaterThan(10);
    for (const { itlMs, itlTokens, outputTokens } of joined) {
      expect(itlTokens).toHaveLength((itlMs as Float64Array).length);
      const later = (itlTokens as Int32Array).reduce((sum, tokens) => sum + tokens, 0);
      expect(later).toBeLessThan(outputTokens);
      expect(Math.min(...(itlMs as Float64Array))).toBeGreaterThanOrEqual(0.05);
    }
  });
});

describe("an AIPerf export's settings", () => {
  const scratch = scratchFolder();
  const row = JSON.stringify({
    metadata: { request_start_ns: 1.75e18, request_end_ns: 1.7500000001e18, benchmark_phase: "profiling" },
    metrics: {
      input_sequence_length: { value: 16, unit: "tokens" },
      output_sequence_length: { value: 4, unit: "tokens" },
    },
  });
  const phase = { kind: "profiling", type: "concurrency", concurrency: 6 };
  async function extraOf(inputConfig: unknown) {
    const path = scratch.write("settings.jsonl", row);
    scratch.write("settings.json", JSON.stringify({ input_config: inputConfig }));
    return (await importTrace("aiperf", path)).meta.extra.max_concurrency;
  }

  it("come from the summary beside it: its default name, its own, or the one that is given", async () => {
    const summary = join(dataDir(), "reports", "aiperf-4.json.gz");
    const path = scratch.path("profile_export.jsonl");
    copyFileSync(join(dataDir(), "reports", "aiperf-4.jsonl.gz"), path);
    expect((await importTrace("aiperf", path)).meta).toEqual({ source: "aiperf", extra: {} });
    expect((await importTrace("aiperf", path, { companionPath: summary })).meta).toMatchObject({
      model: "small",
      extra: { aiperf_version: "0.13.0", max_concurrency: 4 },
    });
    copyFileSync(summary, scratch.path("profile_export_aiperf.json"));
    expect((await importTrace("aiperf", path)).meta.extra.max_concurrency).toBe(4);
    copyFileSync(join(dataDir(), "reports", "aiperf-1.json.gz"), scratch.path("profile_export.json.gz"));
    expect((await importTrace("aiperf", path)).meta.extra.max_concurrency).toBe(1);
    await expect(importTrace("aiperf", path, { companionPath: scratch.path("none.json") })).rejects.toThrow(
      /none/,
    );
  });

  it("of a run with more requests than are listed: a sample, of which the places are not known", async () => {
    const path = scratch.write("sample.jsonl", row);
    const summary = { input_config: { phases: [phase] }, request_count: { unit: "requests", avg: 80 } };
    scratch.write("sample.json", JSON.stringify(summary));
    const { meta, warnings } = await importTrace("aiperf", path);
    const { assumptions, ...others } = meta.extra;
    expect(others).toEqual({ requests_made: 80 });
    expect(assumptions).toEqual([expect.stringContaining("1 of 80 requests are listed")]);
    expect(warnings.map(({ reason }) => reason).join()).toContain("1 of 80 requests are listed");
  });

  it("tell a cap where requests waited for each other, not where they had a rate or several caps", async () => {
    const warmup = { ...phase, kind: "warmup", concurrency: 2 };
    expect(await extraOf({ phases: [warmup, phase] })).toBe(6);
    expect(await extraOf({ loadgen: { concurrency: 5 } })).toBe(5);
    expect(await extraOf({ loadgen: { concurrency: 5, request_rate: null } })).toBe(5);
    expect(await extraOf({ loadgen: { concurrency: 5, request_rate: 2 } })).toBeUndefined();
    expect(await extraOf({ phases: [{ ...phase, type: "poisson", rate: 2 }] })).toBeUndefined();
    expect(await extraOf({ phases: [phase, { ...phase, concurrency: 8 }] })).toBeUndefined();
    for (const concurrency of [0, 1.5, "6", null])
      expect(await extraOf({ phases: [{ ...phase, concurrency }] })).toBeUndefined();
    for (const config of [{}, { phases: 3 }, [], null]) expect(await extraOf(config)).toBeUndefined();
  });
});
