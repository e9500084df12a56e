import type { JsonObject } from "../../../base/index.js";
import { aiperfBodies } from "./aiperf-bodies.js";
import { aiperfEdges } from "./aiperf-edges.js";
import { aiperfRecord, aiperfStartNs } from "./aiperf-record.js";
import { AiperfSessions } from "./aiperf-sessions.js";
import { aiperfSettings } from "./aiperf-settings.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { KeptPrompts, type KeptRequest } from "./kept-prompts.js";
import { looseObject } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * JSON lines of AIPerf (ai-dynamo/aiperf), of two kinds, told apart by the first row:
 *
 * - Profile exports (`profile_export.jsonl`, rows with `metadata` and `metrics`): what a benchmark measured. See
 *   `aiperf-record.ts`, and `aiperf-edges.ts` for who spawned whom. The run's settings stand in the summary beside it, see
 *   `aiperf-settings.ts`, and the prompts in its raw records, see `aiperf-bodies.ts`.
 * - Session traces (rows with `session_id`, `input_length`, `delay`): a workload to be replayed. See
 *   `aiperf-sessions.ts`.
 */
export const aiperf: Importer = {
  format: "aiperf",
  description:
    "AIPerf profile exports (latencies, sessions) and its session traces with delays and block hashes",
  async read(path, options) {
    const blockSize = options.blockSize ?? 512;
    const builder = new TraceBuilder(path, options, blockSize);
    const sessions = new AiperfSessions(builder, blockSize);
    let kind: "profile" | "sessions" | undefined;
    const profile: { row: JsonObject; line: number }[] = [];
    await readJsonRows(
      path,
      builder,
      options,
      (row, line, ids) => {
        kind ??= row.metadata !== undefined ? "profile" : "sessions";
        if (kind === "sessions") sessions.add(row, line, ids);
        else profile.push({ row, line });
      },
      "hash_ids",
    );
    if (kind === "sessions") {
      sessions.warn();
      return builder.finish({ source: "aiperf", blockSize, extra: {} });
    }
    const firstNs = profile.reduce(
      (low, { row }) => Math.min(low, aiperfStartNs(row) ?? low),
      Number.POSITIVE_INFINITY,
    );
    const bodies = await aiperfBodies(path);
    const prompts = new KeptPrompts(
      builder,
      options,
      options.blockSize ?? 16,
      profile.map(({ row }) => keptRow(row, bodies)),
    );
    if (prompts.hasAny) builder.useBlockSize(options.blockSize ?? 16);
    const edges = aiperfEdges(profile.map(({ row }) => row));
    for (const [at, { row, line }] of profile.entries())
      builder.row(line, () => {
        const record = aiperfRecord(row, firstNs, () =>
          builder.count("request of the warm-up phase, left out", line),
        );
        const parents = edges[at];
        if (!record) return undefined;
        return {
          ...record,
          ...prompts.of(at, record.promptTokens, record.outputTokens),
          ...(parents && { parents }),
        };
      });
    const { requestsMade = 0, ...settings } = await aiperfSettings(path, options.companionPath);
    const isSample = requestsMade > builder.length;
    if (isSample)
      builder.assume(
        `${builder.length} of ${requestsMade} requests are listed: arrivals are a sample, and what was in flight is not known`,
      );
    const { max_concurrency: _places, ...others } = settings.extra;
    return builder.finish({
      source: "aiperf",
      ...(prompts.hasAny && { blockSize: options.blockSize ?? 16 }),
      ...settings,
      ...(isSample && { extra: { ...others, requests_made: requestsMade } }),
    });
  },
};

function keptRow(row: JsonObject, bodies: ReadonlyMap<string, unknown>): KeptRequest {
  const { x_request_id: id } = looseObject(row, "metadata");
  const metrics = looseObject(row, "metrics");
  const tokens =
    looseObject(metrics, "usage_prompt_tokens").value ?? looseObject(metrics, "input_sequence_length").value;
  return {
    body: typeof id === "string" ? bodies.get(id) : undefined,
    answer: undefined,
    promptTokens: typeof tokens === "number" ? tokens : undefined,
  };
}
