import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { importTrace } from "../../lib/trace/files/index.js";
import { scratchFolder } from "./helpers.js";

const scratch = scratchFolder();

/** A file that is given, the format that it is given for, and what is said of it. */
const mixedUp: [format: string, document: unknown, said: RegExp][] = [
  [
    "aiperf",
    { service_kind: "openai", experiments: [{ requests: [] }] },
    /genai-perf.*profile_export\.jsonl/,
  ],
  [
    "aiperf",
    {
      schema_version: "1.4",
      aiperf_version: "0.13.0",
      input_config: {},
      request_throughput: { unit: "requests/sec", avg: 3 },
    },
    /summary.*profile_export\.jsonl/,
  ],
  ["aiperf", { data: [{ session_id: "a", payloads: [{}] }] }, /inputs\.json/],
  ["aiperf", { timeslices: [] }, /profile_export\.jsonl/],
  [
    "aiperf",
    { metadata: { request_start_ns: 1 }, payload: {}, responses: [] },
    /raw records.*profile_export\.jsonl/,
  ],
  ["guidellm", { input_lens: [1], ttfts: [0.1] }, /--format vllm-bench/],
  ["vllm-bench", { benchmarks: [] }, /--format guidellm/],
  ["vllm-bench", { mean_ttft_ms: 3, completed: 4 }, /--save-detailed/],
  ["mooncake", { chat_id: 1, input_length: 5, output_length: 5, hash_ids: [] }, /--format bailian/],
  ["weka", { engine_kwargs: {}, vllm_version: "0.19.0" }, /--format llmservingsim/],
  ["openai-log", { resourceSpans: [] }, /--format otel/],
];

describe("a file of a neighbouring tool", () => {
  it.each(mixedUp)("given as %s is named, with what is meant", async (format, document, said) => {
    const read = importTrace(format, scratch.write("given.json", JSON.stringify(document)));
    await expect(read).rejects.toThrow(InputError);
    await expect(read).rejects.toThrow(said);
    await expect(read).rejects.toThrow("given.json");
  });

  it.each([
    ["blis", "request_id,chunk_index,timestamp_us\n0,0,1\n", /chunk times of a BLIS trace/],
    ["csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,5,5\n", /--format azure/],
    ["aiperf", "Metric,avg,min,max\nTime to First Token (ms),1,2,3\n", /profile_export\.jsonl/],
    ["guidellm", "metadata:\n  version: 2\n", /report of guidellm in YAML/],
  ])("that is no JSON, given as %s", async (format, text, said) => {
    await expect(importTrace(format, scratch.write("given.txt", text))).rejects.toThrow(said);
  });

  it("is not made up: a file of the format itself fails for its own reason", async () => {
    const path = scratch.write(
      "own.json",
      JSON.stringify({ benchmarks: [{ requests: { successful: [{}] } }] }),
    );
    await expect(importTrace("guidellm", path)).rejects.toThrow(/request_start_time is missing$/);
  });
});
