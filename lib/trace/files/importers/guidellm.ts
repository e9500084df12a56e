import { describeValue, InputError, isJsonObject, type JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { GuidellmGraph } from "./guidellm-graph.js";
import type { Importer } from "./importer.js";
import { readJsonDocument } from "./json-rows.js";
import { KeptPrompts, type KeptRequest } from "./kept-prompts.js";
import {
  count,
  fieldOf,
  looseObject,
  objectAt,
  optionalCount,
  optionalList,
  optionalObject,
  optionalText,
  optionalTime,
} from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

const outcomes = [
  ["successful", undefined],
  ["incomplete", "abort"],
  ["errored", "error"],
] as const;

/**
 * Reports of guidellm (vllm-project/guidellm): one JSON document, `benchmarks[].requests.{successful, incomplete,
 * errored}[]`. A sweep's benchmarks follow each other in one trace; each record keeps its `benchmark` number.
 *
 * - `request_start_time`, `request_end_time` (`start_time`, `end_time` before 0.4): s of wall clock; arrival counts from
 *   the first request of the report
 * - `prompt_tokens`, `output_tokens`, `cached_tokens` (from 0.8 on), `time_to_first_token_ms` (none where answers were not
 *   streamed), `inter_token_latency_ms` (the mean over output tokens less one)
 * - `request_args` (the body of the request) and `output`, where a run kept them, for all requests or a sample: prompts are
 *   hashed, see `kept-prompts.ts`; no text is kept
 * - `info` (from 0.8 on): `conversation_id`, `turn_index`, `node_id`, `agent_id`, `parent_node_ids`: sessions and a graph of
 *   who waits for whom; `turn_predecessor_delay` (s) is the gap. See `guidellm-graph.ts`
 * - `benchmarks[].config.strategy` (`args.strategy` before): the places of a closed loop, 1 where it is synchronous, `streams`
 *   where it is concurrent; kept as `max_concurrency`, a number or, where benchmarks differ, a list
 * - `benchmarks[].metrics.request_totals`: a report may list a sample of its requests; then arrivals are a sample as well
 *   (a warning, and `requests_made` in the meta line), and what was in flight is not known
 *
 * Incomplete requests were cut off by the end of a benchmark (finish reason "abort"); errored ones failed ("error").
 * Row numbers count the requests of the report.
 */
export const guidellm: Importer = {
  format: "guidellm",
  description: "guidellm reports (JSON): lengths, TTFT and mean gap of each request, failures included",
  async read(path, options) {
    const document = await readJsonDocument(path);
    if (!Array.isArray(document.benchmarks)) throw new InputError(`${path}: holds no list "benchmarks"`);
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options, blockSize, {
      field: "request_start_time",
      unit: "s",
      also: ["elapsedMs"],
    });
    const all = requestsOf(path, document.benchmarks);
    const graph = new GuidellmGraph(all.map(({ request }) => (isJsonObject(request) ? request : undefined)));
    const prompts = new KeptPrompts(
      builder,
      options,
      blockSize,
      all.map(({ request }) => keptOf(isJsonObject(request) ? request : {})),
    );
    all.forEach(({ request: given, benchmark, finishReason }, i) => {
      builder.row(i + 1, () => {
        const request = objectAt(given, "a request");
        const arrivedMs = startMs(request);
        if (arrivedMs === undefined) throw new RowError("request_start_time is missing");
        const endMs =
          optionalTime(request, fieldOf(request, ["request_end_time", "end_time"]), 1000) || undefined;
        if (endMs !== undefined && endMs < arrivedMs)
          throw new RowError("request_end_time is before request_start_time");
        const output =
          finishReason === undefined
            ? count(request, "output_tokens")
            : (optionalCount(request, "output_tokens") ?? 0);
        const meanMs = optionalTime(request, "inter_token_latency_ms");
        const promptTokens = count(request, "prompt_tokens");
        return {
          promptTokens,
          cachedTokens:
            optionalCount(request, "cached_tokens") ??
            optionalCount(looseObject(request, "input_metrics"), "cached_tokens"),
          outputTokens: output,
          arrivalMs: arrivedMs,
          ttftMs: optionalTime(request, "time_to_first_token_ms"),
          itlSummary: meanMs === undefined || output < 2 ? undefined : { meanMs, count: output - 1 },
          elapsedMs: endMs === undefined ? undefined : endMs - arrivedMs,
          finishReason,
          ...prompts.of(i, promptTokens, output),
          ...graph.place(i),
          extra: { benchmark },
        };
      });
    });
    const counts = document.benchmarks.map(countsOf);
    const made = counts.reduce((sum, count) => sum + count.made, 0);
    const listed = counts.reduce((sum, count) => sum + count.listed, 0);
    if (made > listed)
      builder.assume(
        `${listed} of ${made} requests are listed: arrivals are a sample, and what was in flight is not known`,
      );
    const metadata = optionalObject(document, "metadata") ?? {};
    const model = modelOf(document);
    const version = optionalText(metadata, "guidellm_version");
    const places = placesOf(document.benchmarks);
    return builder.finish({
      source: "guidellm",
      ...(prompts.hasAny && { blockSize }),
      ...(model !== undefined && { model }),
      extra: {
        benchmarks: document.benchmarks.length,
        ...(version !== undefined && { guidellm_version: version }),
        ...(made > listed && { requests_made: made }),
        ...(places !== undefined && { max_concurrency: places }),
      },
    });
  },
};

/** Before 0.8 in the report's `args`, then in its `config.spec.backend`. */
function modelOf(document: JsonObject): string | undefined {
  const spec = optionalObject(optionalObject(document, "config") ?? {}, "spec") ?? {};
  const backend = optionalObject(spec, "backend") ?? {};
  return optionalText(optionalObject(document, "args") ?? {}, "model") ?? optionalText(backend, "model");
}

/** Requests that a benchmark made and that it lists; a sample where these are fewer. */
function countsOf(one: unknown): { readonly made: number; readonly listed: number } {
  const benchmark = one as JsonObject;
  const requests = optionalObject(benchmark, "requests") ?? {};
  const totals = optionalObject(optionalObject(benchmark, "metrics") ?? {}, "request_totals") ?? {};
  const listed = outcomes.reduce((sum, [name]) => sum + (optionalList(requests, name)?.length ?? 0), 0);
  return { made: Math.max(listed, optionalCount(totals, "total") ?? 0), listed };
}

/**
 * The places of a closed loop, one number where all benchmarks have the same; undefined where one of them is no closed loop,
 * or lists a sample, in which the requests that held the places are missing.
 */
function placesOf(benchmarks: readonly unknown[]): number | readonly number[] | undefined {
  if (benchmarks.map(countsOf).some(({ made, listed }) => made > listed)) return undefined;
  const places = benchmarks.map((one) => {
    const { config, args } = one as { config?: JsonObject; args?: JsonObject };
    const strategy = optionalObject(config ?? {}, "strategy") ?? optionalObject(args ?? {}, "strategy") ?? {};
    switch (strategy.type_) {
      case "synchronous":
        return 1;
      case "concurrent":
        return optionalCount(strategy, "streams", 1);
      case "throughput":
        return optionalCount(strategy, "max_concurrency", 1);
      default:
        return undefined;
    }
  });
  if (places.length === 0 || places.some((count) => count === undefined)) return undefined;
  const counts = places as number[];
  return counts.every((count) => count === counts[0]) ? counts[0] : counts;
}

function keptOf({ request_args: body, output, prompt_tokens: tokens }: JsonObject): KeptRequest {
  return {
    body,
    answer: typeof output === "string" ? output : undefined,
    promptTokens: typeof tokens === "number" ? tokens : undefined,
  };
}

interface Listed {
  readonly request: unknown;
  readonly benchmark: number;
  readonly finishReason: string | undefined;
}

function requestsOf(path: string, benchmarks: readonly unknown[]): Listed[] {
  return benchmarks.flatMap((one, index) => {
    if (one === null || typeof one !== "object")
      throw new InputError(`${path}: benchmarks[${index}] must be an object, got ${describeValue(one)}`);
    const requests = optionalObject(one as JsonObject, "requests") ?? {};
    return outcomes.flatMap(([outcome, finishReason]) =>
      (optionalList(requests, outcome) ?? []).map((request) => ({
        request,
        benchmark: index + 1,
        finishReason,
      })),
    );
  });
}

function startMs(request: JsonObject): number | undefined {
  return optionalTime(request, fieldOf(request, ["request_start_time", "start_time"]), 1000) || undefined;
}
