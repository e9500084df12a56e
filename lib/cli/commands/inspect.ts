import { Command } from "commander";
import { inspectTrace, type TraceInspection } from "../../cohorts/index.js";
import { inferSessions } from "../../sessions/index.js";
import { readInput, reportProblems } from "../read-input.js";

/** The `inspect` command: what is in a trace. */
export function inspectCommand(): Command {
  return new Command("inspect")
    .description("What is in a trace: counts, ranges, sharing, hits, sessions, problems.")
    .argument("<trace>", "trace file (JSON lines, .gz allowed)")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  npx prefixlab inspect data/warm-1.jsonl.gz\n")
    .action(async (path: string, flags: { strict?: boolean; json?: boolean }) => {
      const trace = await readInput(path, { strict: flags.strict ?? false, quiet: true });
      const inspection = inspectTrace(trace, inferSessions(trace));
      if (flags.json) process.stdout.write(`${JSON.stringify(inspection, null, 2)}\n`);
      else {
        process.stdout.write(inspectionReport(path, inspection));
        reportProblems(path, trace);
      }
    });
}

function inspectionReport(path: string, x: TraceInspection): string {
  const span = (
    name: string,
    range: TraceInspection["ranges"][string] | undefined,
    unit: string,
  ): string[] =>
    range
      ? [
          `  ${name.padEnd(16)} ${show(range.min)} .. ${show(range.p50)} .. ${show(range.max)} ${unit} (min, median, max of ${range.n})`,
        ]
      : [];
  const percent = (share: number | null): string => (share === null ? "-" : `${(100 * share).toFixed(1)} %`);
  return [
    path,
    `  ${x.requests} requests, ${x.completed} completed, ${x.censored} censored; ${x.rejected} rows rejected, ${x.warnings} warnings`,
    ...(x.duration_s === null
      ? []
      : [`  ${show(x.duration_s)} s of arrivals, ${show(x.rate_per_s ?? 0)} requests/s`]),
    ...Object.entries(x.meta).map(
      ([key, value]) => `  ${key.padEnd(16)} ${typeof value === "object" ? JSON.stringify(value) : value}`,
    ),
    ...span("prompt tokens", x.ranges.prompt_tokens, ""),
    ...span("output tokens", x.ranges.output_tokens, ""),
    ...span("TTFT", x.ranges.ttft_ms, "ms"),
    ...span("ITL", x.ranges.itl_ms, "ms"),
    ...span("in flight", x.ranges.concurrency, ""),
    x.sharing.hashed_requests === 0
      ? "  no block hashes: no sharing is assumed"
      : `  ${x.sharing.blocks} prompt blocks of ${x.sharing.block_size} tokens, ${x.sharing.distinct_blocks} distinct; ${percent(x.sharing.unbounded_hit_fraction)} of them were in an earlier prompt, answers not counted`,
    x.sharing.recorded_cached_fraction === null
      ? "  cached tokens were not recorded"
      : `  recorded: ${percent(x.sharing.recorded_cached_fraction)} of prompt tokens came from the cache, on ${x.sharing.requests_with_hit} requests`,
    `  ${x.sessions.count} sessions, ${x.sessions.multi_turn} of them with more than one turn, longest ${x.sessions.longest_turns} turns`,
    "",
  ].join("\n");
}

function show(value: number): string {
  return String(Number(value.toPrecision(4)));
}
