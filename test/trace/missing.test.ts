import { describe, expect, it } from "vitest";
import { importTrace } from "../../lib/trace/files/index.js";
import { scratchFolder } from "./helpers.js";

const scratch = scratchFolder();

const dresses = ["0", "-1", '"N/A"', "NaN", "null", '""'];

describe("what stands for no measurement", () => {
  it.each(dresses)("guidellm: a TTFT and a mean of %s beside others that were measured", async (dress) => {
    const row = (ttft: string, at: number) =>
      `{"request_start_time": ${1.8e9 + at}, "request_end_time": ${1.8e9 + at + 1}, "prompt_tokens": 9, "output_tokens": 5, ` +
      `"time_to_first_token_ms": ${ttft}, "inter_token_latency_ms": ${ttft}}`;
    const text = `{"benchmarks": [{"requests": {"successful": [${row("40", 0)}, ${row(dress, 1)}]}}]}`;
    const trace = await importTrace("guidellm", scratch.write("report.json", text));
    expect(trace.records.map(({ ttftMs }) => ttftMs)).toEqual([40, undefined]);
    expect(trace.records.map(({ itlSummary }) => itlSummary?.meanMs)).toEqual([40, undefined]);
    expect(trace.warnings.map(({ reason }) => reason)).toContain(
      "1 of 2 answered requests have no TTFT: it was not measured",
    );
  });

  it.each(["0", "-1", "N/A", "nan", "None", ""])("csv: a latency of %s", async (dress) => {
    const text = `prompt_tokens,output_tokens,arrival_s,ttft_ms,elapsed_ms\n10,5,0,30,90\n10,5,1,${dress},${dress}\n`;
    const trace = await importTrace("csv", scratch.write("a.csv", text));
    expect(trace.rejected).toEqual([]);
    expect(trace.records.map(({ ttftMs, elapsedMs }) => [ttftMs, elapsedMs])).toEqual([
      [30, 90],
      [undefined, undefined],
    ]);
  });

  it.each(["-1", '"N/A"', "NaN", "null"])("aiperf: metrics of %s", async (dress) => {
    const row = (value: string) =>
      `{"metadata": {"request_start_ns": 1800000000000000000, "benchmark_phase": "profiling"}, "metrics": {` +
      `"input_sequence_length": {"value": 96, "unit": "tokens"}, "output_sequence_length": {"value": 16, "unit": "tokens"}, ` +
      `"time_to_first_token": {"value": ${value}, "unit": "ms"}, ` +
      `"usage_prompt_cache_read_tokens": {"value": ${value}, "unit": "tokens"}}}`;
    const trace = await importTrace("aiperf", scratch.write("p.jsonl", `${row("12")}\n${row(dress)}\n`));
    expect(trace.rejected).toEqual([]);
    expect(trace.records.map(({ ttftMs, cachedTokens }) => [ttftMs, cachedTokens])).toEqual([
      [12, 12],
      [undefined, undefined],
    ]);
  });

  it("vllm-bench: 0.0 in ttfts is not a TTFT of 0 ms, and an empty list of gaps then no gaps", async () => {
    const document = {
      input_lens: [9, 9, 9],
      output_lens: [3, 3, 3],
      ttfts: [0.3, 0, 0.3],
      itls: [[0.01, 0.01], [], [0.01, 0.01]],
      start_times: [5, 0, 6],
    };
    const trace = await importTrace("vllm-bench", scratch.write("r.json", JSON.stringify(document)));
    expect(trace.records.map(({ arrivalMs, ttftMs }) => [arrivalMs, ttftMs])).toEqual([
      [0, 300],
      [1000, 300],
      [undefined, undefined],
    ]);
  });

  it("0 output tokens beside a first token and gaps are as many as chunks came", async () => {
    const document = {
      input_lens: [9, 9],
      output_lens: [0, 3],
      ttfts: [0.3, 0.3],
      itls: [
        [0.01, 0.01],
        [0.01, 0.01],
      ],
    };
    const trace = await importTrace("vllm-bench", scratch.write("o.json", JSON.stringify(document)));
    expect(trace.records.map(({ outputTokens }) => outputTokens)).toEqual([3, 3]);
    expect(trace.warnings.map(({ reason }) => reason)).toContain(
      "1 x 0 output tokens beside a first token: counted by its chunks",
    );
  });

  it("an empty prompt was not measured: the row is counted as rejected", async () => {
    const trace = await importTrace(
      "csv",
      scratch.write("z.csv", "prompt_tokens,output_tokens,arrival_s\n10,5,0\n0,5,1\n"),
    );
    expect(trace.records).toHaveLength(1);
    expect(trace.rejected[0]?.reason).toContain("a prompt that was sent is not empty");
  });

  it("more cached tokens than the prompt has are kept as the server's claim", async () => {
    const trace = await importTrace(
      "csv",
      scratch.write("c.csv", "prompt_tokens,output_tokens,cached_tokens\n10,5,16\n10,5,8\n"),
    );
    expect(
      trace.records.map(({ cachedTokens, extra }) => [cachedTokens, extra?.server_cached_tokens]),
    ).toEqual([
      [undefined, 16],
      [8, undefined],
    ]);
  });
});

describe("counts that stand for no measurement beside what was seen", () => {
  it("langfuse: usage of 0 beside texts", async () => {
    const row = {
      id: "1",
      type: "GENERATION",
      startTime: "2026-01-01T00:00:00Z",
      endTime: "2026-01-01T00:00:01Z",
      input: "What is it?",
      output: "A test.",
      usage: { input: 0, output: 0, total: 0 },
    };
    const trace = await importTrace("langfuse", scratch.write("usage.json", JSON.stringify([row])));
    expect(trace.records[0]).toMatchObject({ promptTokens: 11, outputTokens: 7 });
  });

  it("llmservingsim: moments of 0 that a request did not get to", async () => {
    const row = (first: number, last: number) =>
      JSON.stringify({
        input_toks: 400,
        output_toks: 60,
        queued_ts: 100,
        scheduled_ts: 100.25,
        first_token_ts: first,
        last_token_ts: last,
      });
    const text = `${row(100.5, 101)}\n${row(0, 0)}\n`;
    const trace = await importTrace("llmservingsim", scratch.write("requests.jsonl", text));
    expect(trace.rejected).toEqual([]);
    expect(trace.records.map(({ ttftMs, elapsedMs }) => [ttftMs, elapsedMs])).toEqual([
      [500, 1000],
      [undefined, undefined],
    ]);
  });
});
