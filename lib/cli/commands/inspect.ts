import { Command } from "commander";
import type { Tokens } from "../../base/index.js";
import { inspectTrace, type TraceInspection } from "../../cohorts/index.js";
import { compareEngineView } from "../../judge/index.js";
import { answerReuse, answerReuseWords, capturedEngine, suspectedConcurrency } from "../../replay/index.js";
import { type ChosenSessions, sessionsOf } from "../../sessions/index.js";
import { chooseSettings } from "../../settings/index.js";
import { readEngineView } from "../../trace/files/index.js";
import { importAssumptions, type Trace } from "../../trace/index.js";
import { answerReuseJson } from "../answer-flags.js";
import { parseCount } from "../engine-flags.js";
import { engineViewJson, engineViewLines } from "../engine-view-report.js";
import { inspectLarge, type LargeFlags } from "../inspect-large.js";
import { inspectionJson, inspectionReport } from "../inspection-report.js";
import { missSummary, missSummaryJson, missSummaryLine } from "../miss-summary.js";
import { parseShard } from "../parse-shard.js";
import { readInput, reportProblems } from "../read-input.js";
import { engineJson, settingsLines } from "../replay-header.js";
import {
  addSessionFlags,
  reportSessions,
  type SessionFlags,
  sessionSourceJson,
  sessionsFromFlags,
} from "../session-flags.js";
import { printOut } from "../terminal.js";

type InspectFlags = SessionFlags & LargeFlags & { readonly strict?: boolean; readonly json?: boolean };

const examples = `
Examples:
  npx prefixlab inspect data/warm-1.jsonl.gz

A trace that does not fit in memory, in one pass; or in shards, on a machine each (lib/sweep/cluster has the arrays for Slurm and
Kubernetes), which put together tell the same:
  npx prefixlab inspect --stream huge.jsonl
  npx prefixlab inspect huge.jsonl --shard 0/4 --out 0.shard   # and 1/4 to 3/4
  npx prefixlab inspect --merge 0.shard 1.shard 2.shard 3.shard
`;

/** The `inspect` command: what is in a trace. */
export function inspectCommand(): Command {
  const command = new Command("inspect")
    .description("What is in a trace: counts, ranges, sharing, hits, sessions, problems.")
    .argument("[trace]", "trace file (JSON lines, .gz allowed)")
    .option("--strict", "a bad row is fatal")
    .option("--stream", "in one pass, in memory that does not grow with the trace: medians within 0.1 %")
    .option("--shard <i/n>", "stream only the i-th of n parts (0/4 to 3/4), into the file --out", parseShard)
    .option("--out <file>", "where a shard's summary goes")
    .option("--merge <files...>", "the whole trace from the summaries of all its shards")
    .option(
      "--window-requests <n>",
      "requests that are held at a time while streaming (default: 400,000)",
      parseCount,
    )
    .option("--json", "print one JSON document");
  return addSessionFlags(command)
    .addHelpText("after", examples)
    .action(async (given: string | undefined, flags: InspectFlags) => {
      if (await inspectLarge(given, flags)) return;
      const path = given as string;
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
          ...inspectionJson(inspection, sessionSourceJson(workload.sessions)),
          answer_reuse: answerReuseJson(reuse),
          assumptions: importAssumptions(trace.meta),
          suspected_max_concurrency: places ?? null,
          misses: misses ? missSummaryJson(misses) : null,
          engine: engineJson(settings),
          engine_view: compared ? engineViewJson(compared) : null,
        };
        printOut(`${JSON.stringify(document, null, 2)}\n`);
      } else {
        printOut(inspectionReport(path, inspection, sourceWords(inspection, workload.sessions)));
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

function sourceWords(x: TraceInspection, sessions: ChosenSessions): string {
  const told = sessions.isRecorded.reduce((sum, is) => sum + is, 0);
  return told === 0 ? "inferred" : told === x.requests ? "recorded" : `recorded for ${told} requests`;
}
