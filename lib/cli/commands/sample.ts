import { Command } from "commander";
import { InputError } from "../../base/index.js";
import { type Grouping, type SampleDistances, sampleTrace, type TraceSample } from "../../sample/index.js";
import { type ChosenSessions, sessionsOf } from "../../sessions/index.js";
import { writeTrace } from "../../trace/files/index.js";
import type { Trace } from "../../trace/index.js";
import { parseCount } from "../engine-flags.js";
import { formatTable, showPercent } from "../print-table.js";
import { readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import {
  addSessionFlags,
  parseShare,
  reportSessions,
  type SessionFlags,
  sessionSourceJson,
  sessionsFromFlags,
} from "../session-flags.js";
import { printErr, printOut } from "../terminal.js";

interface SampleFlags extends SessionFlags {
  readonly out: string;
  readonly sessions?: number;
  readonly share?: number;
  readonly seed: number;
  readonly contextCap?: number;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `sample` command: a smaller trace that behaves the same. */
export function sampleCommand(): Command {
  const command = new Command("sample")
    .description(
      "A smaller trace of whole sessions that keeps the hit-rate curve, the lengths and the arrivals.",
    )
    .argument("<trace>", "trace in the tap schema; .gz is decompressed")
    .requiredOption("--out <file>", "trace to write")
    .option("--sessions <n>", "sessions to keep", parseCount)
    .option("--share <x>", "share of the sessions to keep, above 0 and up to 1", parseShare)
    .option("--seed <n>", "which sample; the same seed gives the same one", parseCount, 1)
    .option(
      "--context-cap <tokens>",
      "first end each session before its first request whose prompt and answer are longer; alone: keep all sessions",
      parseCount,
    )
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  return addSessionFlags(command)
    .addHelpText(
      "after",
      `
A session, its sub-agents, and sessions that share a prefix that few share are kept together or not at all, so that
somewhat fewer sessions may be kept than asked for; where that keeps too little of the curve, also runs of sessions with one
prefix, or stretches of time, as printed. Of many seeded choices the closest is kept; the distances are measured on the
sample itself. Small samples, and pools of a few requests, come out further off. Records stay as they were: their latencies and cached tokens are those of the whole load.

Arrivals stay where they were: a share of 0.05 is 5 % of the load, and goes with a pool of some 5 % of the blocks, as
printed. To run it at the whole load, take that share of the engine's capacity, or replay with --rate-scale and expect
another hit rate: the pauses between turns stay.

A smaller context window refuses a request that does not fit, and what follows it in its session is left out. Clients that
would have shortened their history instead are not imitated.

Example:
  npx prefixlab sample data/warm-1.jsonl.gz --share 0.5 --out half.jsonl.gz
`,
    )
    .action(runSample);
}

async function runSample(path: string, flags: SampleFlags): Promise<void> {
  const { sessions, share, seed, contextCap } = flags;
  if (sessions !== undefined && share !== undefined)
    throw new InputError("sample: give --sessions or --share, not both");
  if (sessions === undefined && share === undefined && contextCap === undefined)
    throw new InputError("sample: say how much to keep: give --sessions N, --share X or --context-cap N");
  refuseOverwrite(flags.out, [path]);
  const trace = await readInput(path, { strict: flags.strict ?? false, quiet: flags.json ?? false });
  const chosen = sessionsOf(trace, sessionsFromFlags(flags));
  if (!flags.json) {
    reportSessions(path, chosen);
    for (const warning of doubts(trace, chosen)) printErr(`${path}: ${warning}\n`);
  }
  const sample = sampleTrace(
    { trace, sessions: chosen },
    {
      ...(sessions !== undefined && { sessions }),
      ...(share !== undefined && { share }),
      ...(contextCap !== undefined && { contextCapTokens: contextCap }),
      seed,
    },
  );
  await writeTrace(flags.out, sample.workload.trace);
  printOut(
    flags.json
      ? `${JSON.stringify(sampleJson(sample, trace, chosen, flags), null, 2)}\n`
      : sampleReport(sample, chosen, flags),
  );
}

/** What a sample of this trace rests on that a user should know. */
function doubts({ records }: Trace, { isRecorded, inferred }: ChosenSessions): string[] {
  const hasHashes = records.some(({ blockIds }) => blockIds !== undefined && blockIds.length > 0);
  if (hasHashes) return [];
  return [
    "no block hashes: there is no hit-rate curve to keep",
    ...(isRecorded.includes(1) || !inferred ? [] : ["no sessions are recorded: every request is one"]),
  ];
}

function sampleJson(sample: TraceSample, trace: Trace, chosen: ChosenSessions, flags: SampleFlags) {
  return {
    requests: sample.requests,
    sessions: sample.sessions,
    sessions_wanted: sample.sessionsWanted,
    of: sample.whole,
    seed: flags.seed,
    tries: sample.tries,
    units: { count: sample.units.count, largest_sessions: sample.units.largestSessions },
    grouping: sample.grouping,
    context_cap: sample.cut
      ? {
          tokens: sample.cut.contextCapTokens,
          requests: sample.cut.requests,
          sessions: sample.cut.sessions,
          too_long: sample.cut.tooLong,
          after_them: sample.cut.afterThem,
          sessions_shortened: sample.cut.shortened,
          sessions_gone: sample.cut.gone,
          ceiling: sample.cut.ceiling,
        }
      : null,
    session_source: sessionSourceJson(chosen),
    rejected: trace.rejected.length,
    kept: keptJson(sample.kept),
    warnings: [...chosen.warnings, ...doubts(trace, chosen)],
    out: flags.out,
  };
}

function keptJson({ curve, promptTokensKs, outputTokensKs, turnsKs, arrivalKs }: SampleDistances) {
  return {
    hit_rate_curve: curve
      ? {
          distance: curve.distance,
          at_pool_blocks: curve.atPoolBlocks,
          runnable: { from_pool_blocks: curve.runnable.poolBlocks, distance: curve.runnable.distance },
          pool: { fixed_blocks: curve.pool.fixedBlocks, share: curve.pool.share },
          ceiling: curve.ceiling,
          rows: curve.rows.map((row) => ({
            pool_blocks: row.poolBlocks,
            sample_pool_blocks: row.samplePoolBlocks,
            whole: row.whole,
            sample: row.sample,
          })),
        }
      : null,
    lengths: { prompt_tokens_ks: promptTokensKs, output_tokens_ks: outputTokensKs, turns_ks: turnsKs },
    arrivals: arrivalKs === undefined ? null : { ks: arrivalKs },
  };
}

function sampleReport(sample: TraceSample, chosen: ChosenSessions, flags: SampleFlags): string {
  const { whole, kept, cut, units } = sample;
  const recorded = chosen.isRecorded.reduce((sum, is) => sum + is, 0);
  const all = chosen.isRecorded.length;
  const fewer =
    sample.sessions < sample.sessionsWanted
      ? ` (${sample.sessionsWanted} asked for: sessions that share a prefix stay together)`
      : "";
  return [
    `${sample.sessions} of ${whole.sessions} sessions${fewer}, ${sample.requests} of ${whole.requests} requests; seed ${flags.seed}, the closest of ${sample.tries} choices; wrote ${flags.out}`,
    ...(cut
      ? [
          `  context cap of ${cut.contextCapTokens} tokens: ${cut.tooLong} of ${cut.requests} requests are longer, ${cut.afterThem} came after them; ${cut.shortened} of ${cut.sessions} sessions end early, ${cut.gone} are gone`,
          `  of the prompt tokens, ${showPercent(cut.ceiling.before)} were in an earlier request, and ${showPercent(cut.ceiling.after)} of those that are left`,
        ]
      : []),
    `  sessions: recorded for ${showPercent(recorded / all)} of the requests, inferred for ${showPercent(1 - recorded / all)} (turns less sure than ${chosen.minConfidence} are not used: ${chosen.leftOut})`,
    `  ${units.count} groups of sessions that stay together, the largest of ${units.largestSessions}: ${groupingWords(sample.grouping)}`,
    "",
    ...keptLines(kept),
    "",
  ].join("\n");
}

function groupingWords(grouping: Grouping): string {
  switch (grouping.by) {
    case "prefix":
      return "those that share a prefix which few share";
    case "runs":
      return `those that share a prefix which few share, and runs of up to ${grouping.sessions} that share another one after another`;
    case "stretches":
      return `those that began in one stretch of time, ${grouping.count} of which were taken: while one lasts, the load is the whole trace's`;
  }
}

function keptLines({ curve, promptTokensKs, outputTokensKs, turnsKs, arrivalKs }: SampleDistances): string[] {
  const distances = formatTable(
    ["kept", "largest difference"],
    [
      ["hit rate, every pool size", curve ? `${points(curve.distance)} points` : "- (no hashes)"],
      ["prompt tokens", `${points(promptTokensKs)} points of the distribution`],
      ["output tokens", `${points(outputTokensKs)} points of the distribution`],
      ["requests a session", `${points(turnsKs)} points of the distribution`],
      [
        "arrival times",
        arrivalKs === undefined ? "- (not recorded)" : `${points(arrivalKs)} points of the distribution`,
      ],
    ],
  );
  if (!curve) return [distances];
  const { fixedBlocks, share } = curve.pool;
  return [
    distances,
    `a pool of N blocks goes with one of ${fixedBlocks} + ${share.toFixed(4)} x (N - ${fixedBlocks}) for the sample; from N = ${curve.runnable.poolBlocks} on that one holds its longest request, and the hit rates differ by ${points(curve.runnable.distance)} points at most:`,
    formatTable(
      ["pool", "the sample's", "hit rate", "the sample's"],
      curve.rows.map((row) => [
        `${row.poolBlocks}`,
        `${row.samplePoolBlocks}`,
        showPercent(row.whole),
        showPercent(row.sample),
      ]),
    ),
    "LRU, requests one after another, shares of the prompt tokens; the pool's fixed part is fitted.",
  ];
}

function points(share: number): string {
  return (100 * share).toFixed(2);
}
