import type { Range, RangedQuantity, TraceInspection } from "../cohorts/index.js";
import { visibleLine } from "./terminal.js";

/** An inspection under the names of the trace format. */
export function inspectionJson(
  x: TraceInspection,
  sessionSource: Readonly<Record<string, number>>,
): Record<string, unknown> {
  const wireNames = {
    promptTokens: "prompt_tokens",
    outputTokens: "output_tokens",
    cachedTokens: "cached_tokens",
    ttftMs: "ttft_ms",
    itlMs: "itl_ms",
    concurrency: "concurrency",
  };
  return {
    requests: x.requests,
    completed: x.completed,
    censored: x.censored,
    rejected: x.rejected,
    warnings: x.warnings,
    duration_s: x.spanMs === undefined ? null : x.spanMs / 1000,
    rate_per_s: x.ratePerSecond ?? null,
    meta: x.meta,
    ranges: Object.fromEntries(
      Object.entries(x.ranges).map(([name, range]) => [wireNames[name as RangedQuantity], range]),
    ),
    sharing: {
      hashed_requests: x.sharing.hashedRequests,
      without_hashes: x.sharing.withoutHashes ?? null,
      block_size: x.sharing.blockSize,
      blocks: x.sharing.blocks,
      distinct_blocks: x.sharing.distinctBlocks,
      unbounded_hit_fraction: x.sharing.unboundedHitFraction ?? null,
      recorded_cached_fraction: x.sharing.recordedCachedFraction ?? null,
      requests_with_hit: x.sharing.requestsWithHit,
    },
    sessions: {
      multi_turn: x.sessions.multiTurn,
      longest_turns: x.sessions.longestTurns,
      ...sessionSource,
      ...(x.sessions.subAgentRequests > 0 && {
        sub_agent_requests: x.sessions.subAgentRequests,
        joins: x.sessions.joins,
      }),
    },
    finish_reasons: x.finishReasons,
    problems: x.problems,
  };
}

/** Of the meta line: what the lines on assumptions say. */
const SAID_IN_WORDS = ["assumptions", "shared_preamble"];

/** @param source how the sessions came about, in words */
export function inspectionReport(path: string, x: TraceInspection, source: string): string {
  const { subAgentRequests, joins } = x.sessions;
  const span = (name: string, range: Range | undefined, unit: string): string[] =>
    range
      ? [
          `  ${name.padEnd(16)} ${show(range.min)} .. ${show(range.p50)} .. ${show(range.max)} ${unit} (min, median, max of ${range.n})`,
        ]
      : [];
  const percent = (share: number | undefined): string =>
    share === undefined ? "-" : `${(100 * share).toFixed(1)} %`;
  return [
    path,
    `  ${x.requests} requests, ${x.completed} completed, ${x.censored} censored; ${x.rejected} rows rejected, ${x.warnings} warnings`,
    ...(x.spanMs === undefined
      ? []
      : x.ratePerSecond === undefined
        ? ["  all arrive at one time: no rate, and who continues whom is not known from arrivals"]
        : [`  ${show(x.spanMs / 1000)} s of arrivals, ${show(x.ratePerSecond)} requests/s`]),
    ...Object.entries(x.meta)
      .filter(([key]) => !SAID_IN_WORDS.includes(key))
      .map(
        ([key, value]) =>
          `  ${visibleLine(key).padEnd(16)} ${typeof value === "object" ? JSON.stringify(value) : visibleLine(String(value))}`,
      ),
    ...span("prompt tokens", x.ranges.promptTokens, ""),
    ...span("output tokens", x.ranges.outputTokens, ""),
    ...span("TTFT", x.ranges.ttftMs, "ms"),
    ...span("ITL", x.ranges.itlMs, "ms"),
    ...span("in flight", x.ranges.concurrency, ""),
    x.sharing.hashedRequests === 0
      ? "  no block hashes: no sharing is assumed"
      : `  ${x.sharing.blocks} prompt blocks of ${x.sharing.blockSize} tokens, ${x.sharing.distinctBlocks} distinct; ${percent(x.sharing.unboundedHitFraction)} of them were in an earlier prompt, answers not counted`,
    ...Object.entries(x.sharing.withoutHashes ?? {}).map(
      ([reason, count]) => `  ${count} requests without block hashes: ${reason}`,
    ),
    x.sharing.recordedCachedFraction === undefined
      ? "  cached tokens were not recorded"
      : `  recorded: ${percent(x.sharing.recordedCachedFraction)} of prompt tokens came from the cache, on ${x.sharing.requestsWithHit} requests`,
    `  ${x.sessions.count} sessions, ${x.sessions.multiTurn} of them with more than one turn, longest ${x.sessions.longestTurns} turns (${source})`,
    ...(subAgentRequests > 0
      ? [`  ${subAgentRequests} requests of sub-agents, ${joins} requests wait for one to end`]
      : []),
    "",
  ].join("\n");
}

function show(value: number): string {
  return String(Number(value.toPrecision(4)));
}
