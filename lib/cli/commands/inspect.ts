import { Command } from "commander";
import type { Tokens } from "../../base/index.js";
import { inspectTrace, type Range, type RangedQuantity, type TraceInspection } from "../../cohorts/index.js";
import { compareEngineView } from "../../judge/index.js";
import { answerReuse, answerReuseWords, capturedEngine, suspectedConcurrency } from "../../replay/index.js";
import { type ChosenSessions, sessionsOf } from "../../sessions/index.js";
import { chooseSettings } from "../../settings/index.js";
import { readEngineView } from "../../trace/files/index.js";
import { importAssumptions, type Trace } from "../../trace/index.js";
import { answerReuseJson } from "../answer-flags.js";
import { engineViewJson, engineViewLines } from "../engine-view-report.js";
import { missSummary, missSummaryJson, missSummaryLine } from "../miss-summary.js";
import { readInput, reportProblems } from "../read-input.js";
import { engineJson, settingsLines } from "../replay-header.js";
import {
  addSessionFlags,
  reportSessions,
  type SessionFlags,
  sessionSourceJson,
  sessionsFromFlags,
} from "../session-flags.js";
import { printOut, visibleLine } from "../terminal.js";

/** The `inspect` command: what is in a trace. */
export function inspectCommand(): Command {
  const command = new Command("inspect")
    .description("What is in a trace: counts, ranges, sharing, hits, sessions, problems.")
    .argument("<trace>", "trace file (JSON lines, .gz allowed)")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  return addSessionFlags(command)
    .addHelpText("after", "\nExample:\n  npx prefixlab inspect data/warm-1.jsonl.gz\n")
    .action(async (path: string, flags: SessionFlags & { strict?: boolean; json?: boolean }) => {
      const trace = await readInput(path, { strict: flags.strict ?? false, quiet: true });
      const workload = { trace, sessions: sessionsOf(trace, sessionsFromFlags(flags)) };
      const inspection = inspectTrace(workload);
      const settings = chooseSettings({ captured: capturedEngine(trace.meta) });
      const view = await readEngineView(path, trace);
      const compared = view && compareEngineView(workload, view);
      const places = suspectedConcurrency(trace);
      const misses = missSummary(workload);
      const reuse = answerReuse(workload, capturedBlockSize(trace));
      if (flags.json) {
        const document = {
          ...inspectionJson(inspection, workload.sessions),
          answer_reuse: answerReuseJson(reuse),
          assumptions: importAssumptions(trace.meta),
          suspected_max_concurrency: places ?? null,
          misses: misses ? missSummaryJson(misses) : null,
          engine: engineJson(settings),
          engine_view: compared ? engineViewJson(compared) : null,
        };
        printOut(`${JSON.stringify(document, null, 2)}\n`);
      } else {
        printOut(inspectionReport(path, inspection, workload.sessions));
        const told = [
          ...(misses ? [missSummaryLine(misses)] : []),
          ...importAssumptions(trace.meta).map((words) => `assumed: ${words}`),
          ...(reuse ? [`a replay assumes: ${answerReuseWords(reuse)}`] : []),
        ];
        const lines = [...told, ...settingsLines(settings), ...(compared ? engineViewLines(compared) : [])];
        for (const line of lines) printOut(`  ${line}\n`);
        if (places !== undefined)
          printOut(
            `  looks like ${places} at a time: each request followed the end of another at once; replay it with --max-concurrency ${places}\n`,
          );
        reportProblems(path, trace);
        reportSessions(path, workload.sessions);
      }
    });
}

/** Blocks as the capture's engine has them, where it tells; else as the trace's hashes have them. */
function capturedBlockSize({ meta }: Trace): { blockSize?: Tokens } {
  const { blockSize } = capturedEngine(meta);
  return blockSize === undefined ? {} : { blockSize };
}

/** An inspection under the names of the trace format. */
function inspectionJson(x: TraceInspection, sessions: ChosenSessions): Record<string, unknown> {
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
      ...sessionSourceJson(sessions),
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

function inspectionReport(path: string, x: TraceInspection, sessions: ChosenSessions): string {
  const told = sessions.isRecorded.reduce((sum, is) => sum + is, 0);
  const source = told === 0 ? "inferred" : told === x.requests ? "recorded" : `recorded for ${told} requests`;
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
      : [`  ${show(x.spanMs / 1000)} s of arrivals, ${show(x.ratePerSecond ?? 0)} requests/s`]),
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
