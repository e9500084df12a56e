import { InputError, type JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { JsonValue } from "../../trace.js";
import type { Importer } from "./importer.js";
import { readJsonDocuments } from "./json-rows.js";
import { presentValue } from "./missing.js";
import { firstChunkIsRole } from "./role-chunk.js";
import { optionalTimeOf, timesOf } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/** Settings of the run and the server's own counters that are kept, by their wire names. */
const facts = [
  "backend",
  "date",
  "endpoint_type",
  "num_prompts",
  "request_rate",
  "max_concurrency",
  "burstiness",
  "max_concurrent_requests",
  "spec_decode_acceptance_rate",
  "spec_decode_acceptance_length",
];

/**
 * Results of `vllm bench serve --save-result --save-detailed` (vllm-project/vllm, vllm/benchmarks/serve.py), and of
 * sglang.bench_serving --output-details, which has the same lists: one JSON document, or one a line where runs were appended,
 * whose lists hold one entry a request, in the order of sending:
 *
 * - `input_lens`, `output_lens` (tokens); `ttfts` (s, request sent to first chunk); `itls` (s, gaps between chunks: with
 *   speculative decoding a chunk holds several tokens, so there are fewer gaps than tokens); `errors` ("" for none)
 * - `latencies` (s, request sent to last chunk) and `start_times` (s on a clock of their own) in newer versions: arrivals
 *   count from the first of the file. Older versions do not record when a request was sent: then there are no arrivals.
 *
 * On chat endpoints the first chunk carries a role and no token: then there are as many gaps as output tokens. Where the
 * first gaps are unlike the others in most such rows (a server that sends the role at once, or with the first token), TTFT
 * counts to the first token behind that chunk, and its gap is dropped.
 *
 * `max_concurrency` is kept where it was given: requests were sent as others ended. A failed request keeps its place with
 * finish reason "error" and without latencies. Row numbers are places in the lists, from 1; runs of one file follow each
 * other, each record with its `run`: on their common clock, or, where that has one begin before the one before it ended (another
 * machine, or the same started again), as soon as that ended.
 */
export const vllmBench: Importer = {
  format: "vllm-bench",
  description: "vllm bench serve --save-detailed results: lengths, TTFT and every gap of each request",
  async read(path, options) {
    const documents = await readJsonDocuments(path);
    const builder = new TraceBuilder(path, options, options.blockSize ?? 16, {
      field: "start_times, ttfts and itls",
      unit: "s",
      also: ["ttftMs", "elapsedMs", "gaps"],
      toldByDurations: true,
    });
    const order = new RunOrder();
    documents.forEach((document, run) => {
      addRun(builder, path, document, documents.length > 1 ? run + 1 : undefined, order);
    });
    if (order.moved > 0)
      builder.assume(
        `${order.moved} of ${documents.length} runs begin, by their clock, before the one before them ended: each is put behind that, as if it had begun at once`,
      );
    const [first] = documents as [JsonObject];
    const listed = documents.reduce((sum, { input_lens: lens }) => sum + (lens as unknown[]).length, 0);
    const made = documents.reduce(
      (sum, { num_prompts: asked }) => sum + (typeof asked === "number" ? asked : 0),
      0,
    );
    if (made > listed)
      builder.assume(
        `${listed} of ${made} requests are listed: what the others took of the engine is not known`,
      );
    return builder.finish({
      source: "vllm-bench",
      ...(typeof first.model_id === "string" && { model: first.model_id }),
      extra: Object.fromEntries(
        facts.flatMap((key): [string, JsonValue][] => {
          const value = presentValue(first[key]);
          return typeof value === "string" || typeof value === "number" ? [[key, value]] : [];
        }),
      ),
    });
  },
};

function addRun(
  builder: TraceBuilder,
  path: string,
  document: JsonObject,
  run: number | undefined,
  order: RunOrder,
): void {
  const promptTokens = list(path, document, "input_lens");
  const n = promptTokens.length;
  const outputTokens = list(path, document, "output_lens", n);
  const ttfts = list(path, document, "ttfts", n);
  const itls = list(path, document, "itls", n);
  const errors = document.errors === undefined ? undefined : list(path, document, "errors", n);
  const starts = document.start_times === undefined ? undefined : list(path, document, "start_times", n);
  const latencies = document.latencies === undefined ? undefined : list(path, document, "latencies", n);
  const sent = (starts ?? []).map((t) => (typeof t === "number" && t > 0 ? t : undefined));
  const ends = sent.map((at, i) => at && at + tookS(latencies?.[i], ttfts[i], itls[i]));
  const originS = order.originOf(sent, ends);
  const startsWithRole = firstChunkIsRole(
    itls.map((gaps, i) => ({
      gapsMs: Array.isArray(gaps) ? (gaps as number[]) : [],
      outputTokens: Number(outputTokens[i]),
      ttftMs: Number(ttfts[i]),
    })),
  );
  builder.startStream();
  for (let i = 0; i < n; i++)
    builder.row(i + 1, () => {
      const failed = typeof errors?.[i] === "string" && errors[i] !== "";
      const gaps = itls[i];
      if (!Array.isArray(gaps)) throw new RowError(`itls[${i}] must be a list of numbers`);
      const output = integer("output_lens", i, outputTokens[i]);
      const chunkGapsMs = timesOf(gaps as unknown[], `itls[${i}]`, 1000);
      const roleTtftMs = optionalTimeOf(ttfts[i], `ttfts[${i}]`, 1000) || undefined;
      const hasRole = !failed && startsWithRole && chunkGapsMs.length > 0;
      const itlMs = hasRole ? chunkGapsMs.subarray(1) : chunkGapsMs;
      if (hasRole)
        builder.count(
          "the first chunk was no token (a chat's role): TTFT counts to the first token, the gap before it is no gap",
          i + 1,
        );
      if (!failed && roleTtftMs !== undefined && output > 1 && itlMs.length < output - 1)
        builder.count("fewer gaps than output tokens less one: chunks of several tokens", i + 1);
      const start = optionalTimeOf(starts?.[i], `start_times[${i}]`) || undefined;
      if (starts && start === undefined) builder.count("no start time: it was not measured", i + 1);
      if (!failed && roleTtftMs === undefined && ttfts[i] === 0)
        builder.count("a TTFT of exactly 0: taken as not measured", i + 1);
      return {
        promptTokens: integer("input_lens", i, promptTokens[i]),
        outputTokens: output,
        arrivalMs: start === undefined ? undefined : (start - originS) * 1000,
        ttftMs: failed || roleTtftMs === undefined ? undefined : roleTtftMs + (hasRole ? chunkGapsMs[0] : 0),
        itlMs: failed || (roleTtftMs === undefined && itlMs.length === 0) ? undefined : itlMs,
        elapsedMs: failed ? undefined : optionalTimeOf(latencies?.[i], `latencies[${i}]`, 1000),
        finishReason: failed ? "error" : undefined,
        ...(run !== undefined && { extra: { run } }),
      };
    });
}

/** Puts runs one behind the other on one clock, in seconds. */
class RunOrder {
  /** Runs that their own clock would have put beside the one before. */
  moved = 0;
  #firstS: number | undefined;
  #endS = 0;

  /** The time on a run's clock at which the trace begins. */
  originOf(sent: readonly (number | undefined)[], ends: readonly (number | undefined)[]): number {
    const known = <T>(values: readonly (T | undefined)[]) => values.filter((value) => value !== undefined);
    const startS = known(sent).reduce((low, t) => Math.min(low, t), Number.POSITIVE_INFINITY);
    if (startS === Number.POSITIVE_INFINITY) return 0;
    this.#firstS ??= startS;
    let originS = this.#firstS;
    if (startS - originS < this.#endS) {
      this.moved++;
      originS = startS - this.#endS;
    }
    this.#endS = known(ends).reduce((high, t) => Math.max(high, t - originS), this.#endS);
    return originS;
  }
}

/** How long a request took, s, of what is known: to its last chunk. */
function tookS(latency: unknown, ttft: unknown, gaps: unknown): number {
  const seconds = (value: unknown) => (typeof value === "number" && value > 0 ? value : 0);
  const sum = Array.isArray(gaps)
    ? (gaps as unknown[]).reduce((all: number, gap) => all + seconds(gap), 0)
    : 0;
  return Math.max(seconds(latency), seconds(ttft) + sum);
}

function list(path: string, document: JsonObject, field: string, length?: number): readonly unknown[] {
  const value = document[field];
  if (!Array.isArray(value))
    throw new InputError(`${path}: holds no list "${field}": run vllm bench serve with --save-detailed`);
  if (length !== undefined && value.length !== length)
    throw new InputError(`${path}: ${field} has ${value.length} entries, but input_lens has ${length}`);
  return value as readonly unknown[];
}

function integer(field: string, index: number, given: unknown): number {
  const value = presentValue(given);
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff) return value;
  throw new RowError(`${field}[${index}] must be a non-negative integer, got ${String(given)}`);
}
