import { isJsonObject, type JsonObject } from "../../../base/index.js";
import { LineSplitter } from "../line-splitter.js";
import { openBytes } from "../trace-bytes.js";
import { looseObject } from "./row-fields.js";

/** A kind of file by what it begins with. */
interface KnownFile {
  /** What it is, in words. */
  readonly what: string;
  /** What to do: the format that reads it, or the file of the same tool that is meant. */
  readonly advice: string;
  is(head: JsonObject): boolean;
}

const has =
  (...fields: string[]) =>
  (head: JsonObject) =>
    fields.every((field) => head[field] !== undefined);
const read = (format: string) => `--format ${format} reads it`;

/** What there is to do with a trace of this project's own. */
export const noImport = "it needs no import";

/** First match wins: files of the tools whose formats are read, and those that lie beside them. */
const knownFiles: readonly KnownFile[] = [
  {
    what: "a raw profile export of genai-perf, AIPerf's predecessor",
    advice:
      "it has no lengths: AIPerf's record file, profile_export.jsonl, is meant, or inputs and outputs of genai-perf tokenized by hand",
    is: has("service_kind", "experiments"),
  },
  {
    what: "AIPerf's raw records (requests and responses)",
    advice: "profile_export.jsonl beside it holds the measured records: --format aiperf reads that",
    is: (head) => isJsonObject(head.metadata) && head.responses !== undefined && head.metrics === undefined,
  },
  {
    what: "a record file of AIPerf (profile_export.jsonl)",
    advice: read("aiperf"),
    is: (head) => isJsonObject(head.metadata) && isJsonObject(head.metrics),
  },
  {
    what: "AIPerf's time slices",
    advice: "profile_export.jsonl beside it is meant",
    is: has("timeslices"),
  },
  {
    what: "AIPerf's or genai-perf's summary (totals, no records)",
    advice: "profile_export.jsonl beside it is meant (the summary itself goes to --companion)",
    is: (head) =>
      (head.input_config !== undefined || head.aiperf_version !== undefined) &&
      (head.request_throughput !== undefined ||
        head.time_to_first_token !== undefined ||
        head.request_count !== undefined ||
        head.records !== undefined ||
        head.aiperf_version !== undefined),
  },
  {
    what: "AIPerf's inputs.json (what is sent, not what came of it)",
    advice: "profile_export.jsonl beside it is meant",
    is: ({ data }) => Array.isArray(data) && isJsonObject(data[0]) && data[0].payloads !== undefined,
  },
  {
    what: "AIPerf's export of server metrics or GPU telemetry",
    advice: "profile_export.jsonl beside it is meant",
    is: (head) =>
      (isJsonObject(head.summary) && (head.endpoints !== undefined || head.metrics !== undefined)) ||
      has("endpoint_url", "metrics")(head) ||
      has("dcgm_url", "telemetry_data")(head),
  },
  { what: "a report of guidellm", advice: read("guidellm"), is: has("benchmarks") },
  {
    what: "a result of vllm bench or sglang.bench_serving with its lists",
    advice: read("vllm-bench"),
    is: has("input_lens", "ttfts"),
  },
  {
    what: "a result of vllm bench or sglang.bench_serving without its lists (totals only)",
    advice: "run it again with --save-detailed (vLLM) or --output-details (SGLang)",
    is: (head) =>
      head.mean_ttft_ms !== undefined ||
      head.median_ttft_ms !== undefined ||
      head.total_input_tokens !== undefined,
  },
  {
    what: "a request trace of Dynamo",
    advice: read("dynamo"),
    is: (head) =>
      head.schema === "dynamo.request.trace.v1" ||
      looseObject(head, "event").schema === "dynamo.request.trace.v1",
  },
  {
    what: "an agentic_mooncake file of Dynamo",
    advice: read("agentic-mooncake"),
    is: (head) =>
      head.schema === "dynamo.agentic_mooncake" ||
      (head.request_id !== undefined &&
        head.input_length !== undefined &&
        (head.wait_for !== undefined || head.dependencies !== undefined)),
  },
  {
    what: "a trace of the tap schema",
    advice: noImport,
    is: (head) =>
      isJsonObject(head.meta) || (head.prompt_tokens !== undefined && head.arrival_ms !== undefined),
  },
  {
    what: "a run of LLMServingSim (its settings)",
    advice: "requests.jsonl beside it is meant, or the folder: --format llmservingsim reads that",
    is: has("engine_kwargs"),
  },
  {
    what: "a run of LLMServingSim",
    advice: read("llmservingsim"),
    is: (head) => has("input_toks", "output_toks")(head),
  },
  {
    what: "a Qwen-Bailian trace",
    advice: read("bailian"),
    is: has("chat_id", "input_length"),
  },
  {
    what: "a Weka conversation",
    advice: read("weka"),
    is: ({ requests }) =>
      Array.isArray(requests) && isJsonObject(requests[0]) && requests[0].in !== undefined,
  },
  {
    what: "a lookup-hash log of LMCache",
    advice: read("lmcache"),
    is: has("chunk_hashes", "seq_len"),
  },
  {
    what: "OpenTelemetry spans",
    advice: read("otel"),
    is: (head) =>
      head.resourceSpans !== undefined || head.spans !== undefined || has("span_id", "attributes")(head),
  },
  {
    what: "a session log of Claude Code",
    advice: read("claude-code"),
    is: (head) => head.sessionId !== undefined && (head.type !== undefined || head.parentUuid !== undefined),
  },
  {
    what: "a session log of Codex",
    advice: read("codex"),
    is: (head) => head.type !== undefined && isJsonObject(head.payload) && head.timestamp !== undefined,
  },
  {
    what: "rounds of TraceLab",
    advice: read("tracelab"),
    is: has("round_index", "newly_append_tokens"),
  },
  {
    what: "an export of Langfuse",
    advice: read("langfuse"),
    is: (head) => has("traceId", "startTime")(head) || head.observations !== undefined,
  },
  {
    what: "a log of LiteLLM",
    advice: read("litellm"),
    is: (head) => has("call_type", "startTime")(head),
  },
  {
    what: "conversations (messages of whole trajectories)",
    advice: read("conversations"),
    is: (head) =>
      head.traj !== undefined || head.trajectory !== undefined || head.conversations !== undefined,
  },
  {
    what: "a Mooncake trace",
    advice: `${read("mooncake")}, or mooncake-delta where later turns hold only what they add`,
    is: has("input_length", "output_length"),
  },
  {
    what: "request bodies of an OpenAI-compatible server",
    advice: read("openai-log"),
    is: (head) => {
      const body = isJsonObject(head.body) ? head.body : isJsonObject(head.request) ? head.request : head;
      return body.messages !== undefined || body.prompt !== undefined;
    },
  },
];

/**
 * What a file is, by what it begins with, and what to do with it: for a file that was given for one of another tool, or a
 * summary for its records. Undefined where it is nothing known.
 */
export async function identifyFile(path: string): Promise<{ what: string; advice: string } | undefined> {
  const bytes = await headOf(path).catch(() => undefined);
  if (!bytes) return undefined;
  const head = objectIn(bytes);
  const line =
    bytes
      .subarray(0, 4096)
      .toString("utf8")
      .replace(/^\ufeff/, "")
      .split(/\r?\n/, 1)[0] ?? "";
  const found = head
    ? knownFiles.find((known) => known.is(head))
    : knownLines.find((known) => known.line.test(line));
  return found && { what: found.what, advice: found.advice };
}

/** Files that are no JSON, by their first line. */
const knownLines: readonly { readonly line: RegExp; readonly what: string; readonly advice: string }[] = [
  {
    line: /^request_id,chunk_index,timestamp_us/,
    what: "the chunk times of a BLIS trace",
    advice: "the CSV without .itl in its name is meant: --format blis reads both",
  },
  {
    line: /(^|,)arrival_time_us(,|$)/,
    what: "a BLIS trace",
    advice: read("blis"),
  },
  { line: /^trace_version:/, what: "the header of a BLIS trace", advice: read("blis") },
  { line: /^TIMESTAMP,ContextTokens/, what: "an Azure trace", advice: read("azure") },
  { line: /^Timestamp,Model,Request tokens/, what: "a BurstGPT trace", advice: read("burstgpt") },
  { line: /(^|,)round_idx,prefix_len,input_len/, what: "a workload of TraceLab", advice: read("tracelab") },
  {
    line: /^"?Metric"?,"?(avg|min|Value)/i,
    what: "a table of AIPerf or genai-perf (totals, no records)",
    advice: "profile_export.jsonl beside it is meant",
  },
  {
    line: /^(benchmarks|metadata|config):/,
    what: "a report of guidellm in YAML",
    advice: "write it as JSON (--output-path benchmarks.json): --format guidellm reads that",
  },
  {
    line: /^(Run Info|"?Type"?,"?Run Index)/i,
    what: "a table of guidellm (totals, no requests)",
    advice: "its JSON report is meant: --format guidellm reads that",
  },
];

const headBytes = 1 << 26;

async function headOf(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of await openBytes(path)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > headBytes) break;
  }
  return Buffer.concat(chunks);
}

/** The document of the file, or its first line, as an object. */
function objectIn(all: Buffer): JsonObject | undefined {
  const whole = objectOf(all.toString("utf8"));
  if (whole) return whole;
  let first: JsonObject | undefined;
  new LineSplitter().push(
    Buffer.concat([all.subarray(0, 1 << 22), Buffer.from("\n")]),
    (buffer, start, end) => {
      first ??= objectOf(buffer.toString("utf8", start, end));
    },
    () => {},
  );
  return first;
}

function objectOf(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(Array.isArray(value) ? value[0] : value)
      ? ((Array.isArray(value) ? value[0] : value) as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}
