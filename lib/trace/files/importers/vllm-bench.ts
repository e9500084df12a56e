import { InputError, quantile } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { Importer } from "./importer.js";
import { type JsonObject, readJsonDocument } from "./json-rows.js";
import { timeOf, timesOf } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Results of `vllm bench serve --save-result --save-detailed` (vllm-project/vllm, vllm/benchmarks/serve.py): one JSON
 * document whose lists hold one entry a request, in the order of sending:
 *
 * - `input_lens`, `output_lens` (tokens); `ttfts` (s, request sent to first chunk); `itls` (s, gaps between chunks: with
 *   speculative decoding a chunk holds several tokens, so there are fewer gaps than tokens); `errors` ("" for none)
 * - `latencies` (s, request sent to last chunk) and `start_times` (s on a clock of their own) in newer versions: arrivals count from the first. Older versions do not
 *   record when a request was sent: then there are no arrivals.
 *
 * On chat endpoints the first chunk carries a role and no token: then there are as many gaps as output tokens. Where the
 * first gaps are unlike the others in most such rows (a server that sends the role at once, or with the first token), TTFT
 * counts to the first token behind that chunk, and its gap is dropped.
 *
 * `max_concurrency` is kept where it was given: requests were sent as others ended. A failed request keeps its place with finish reason "error" and without latencies. Row numbers are places in the
 * lists, from 1.
 */
export const vllmBench: Importer = {
  format: "vllm-bench",
  description: "vllm bench serve --save-detailed results: lengths, TTFT and every gap of each request",
  async read(path, options) {
    const document = await readJsonDocument(path);
    const builder = new TraceBuilder(path, options.strict, options.blockSize ?? 16);
    const promptTokens = list(path, document, "input_lens");
    const n = promptTokens.length;
    const outputTokens = list(path, document, "output_lens", n);
    const ttfts = list(path, document, "ttfts", n);
    const itls = list(path, document, "itls", n);
    const errors = document.errors === undefined ? undefined : list(path, document, "errors", n);
    const starts = document.start_times === undefined ? undefined : list(path, document, "start_times", n);
    const latencies = document.latencies === undefined ? undefined : list(path, document, "latencies", n);
    const first = starts?.reduce(
      (low: number, t) => (typeof t === "number" && t < low ? t : low),
      Number.POSITIVE_INFINITY,
    );
    const startsWithRole = firstChunkIsRole(itls, outputTokens, ttfts);
    for (let i = 0; i < n; i++)
      builder.row(i + 1, () => {
        const failed = typeof errors?.[i] === "string" && errors[i] !== "";
        const gaps = itls[i];
        if (!Array.isArray(gaps)) throw new RowError(`itls[${i}] must be a list of numbers`);
        const output = integer("output_lens", i, outputTokens[i]);
        const chunkGapsMs = timesOf(gaps as unknown[], `itls[${i}]`, 1000);
        const hasRole = !failed && startsWithRole && chunkGapsMs.length > 0;
        const itlMs = hasRole ? chunkGapsMs.subarray(1) : chunkGapsMs;
        if (hasRole)
          builder.count(
            "the first chunk was no token (a chat's role): TTFT counts to the first token, the gap before it is no gap",
            i + 1,
          );
        if (!failed && ttfts[i] !== 0 && output > 1 && itlMs.length < output - 1)
          builder.count("fewer gaps than output tokens less one: chunks of several tokens", i + 1);
        const start = starts?.[i];
        if (starts && typeof start !== "number") throw new RowError(`start_times[${i}] must be a number`);
        return {
          promptTokens: integer("input_lens", i, promptTokens[i]),
          outputTokens: output,
          arrivalMs: start === undefined ? undefined : ((start as number) - (first as number)) * 1000,
          ttftMs: failed
            ? undefined
            : timeOf(ttfts[i], `ttfts[${i}]`, 1000) + (hasRole && ttfts[i] !== 0 ? chunkGapsMs[0] : 0),
          itlMs: failed ? undefined : itlMs,
          elapsedMs: latencies && !failed ? timeOf(latencies[i], `latencies[${i}]`, 1000) : undefined,
          finishReason: failed ? "error" : undefined,
        };
      });
    return builder.finish({
      source: "vllm-bench",
      ...(typeof document.model_id === "string" && { model: document.model_id }),
      extra: Object.fromEntries(
        ["backend", "date", "request_rate", "max_concurrency", "burstiness"].flatMap((key) => {
          const value = document[key];
          return typeof value === "string" || typeof value === "number" ? [[key, value]] : [];
        }),
      ),
    });
  },
};

/**
 * True where most rows with as many gaps as output tokens begin with a gap that no engine makes: next to nothing, where the
 * role came with the first token, or a prefill's, several times the TTFT and the other gaps, where it came at once.
 */
function firstChunkIsRole(
  itls: readonly unknown[],
  outputTokens: readonly unknown[],
  ttfts: readonly unknown[],
): boolean {
  let rows = 0;
  let begun = 0;
  itls.forEach((gaps: unknown, i) => {
    if (!Array.isArray(gaps) || gaps.length < 3 || gaps.length !== outputTokens[i]) return;
    const [first, ...others] = gaps as number[];
    const usual = quantile(others.filter(Number.isFinite), 0.5) ?? 0;
    rows++;
    if (first < usual / 3 || (first > 3 * usual && first > 3 * Number(ttfts[i]))) begun++;
  });
  return begun > rows / 2;
}

function list(path: string, document: JsonObject, field: string, length?: number): readonly unknown[] {
  const value = document[field];
  if (!Array.isArray(value))
    throw new InputError(`${path}: holds no list "${field}": run vllm bench serve with --save-detailed`);
  if (length !== undefined && value.length !== length)
    throw new InputError(`${path}: ${field} has ${value.length} entries, but input_lens has ${length}`);
  return value as readonly unknown[];
}

function integer(field: string, index: number, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff) return value;
  throw new RowError(`${field}[${index}] must be a non-negative integer, got ${String(value)}`);
}
