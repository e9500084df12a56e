import { Command } from "commander";
import { InputError, mean } from "../../base/index.js";
import { explainMisses, keptByPolicies, missCauses, missCosts } from "../../explain/index.js";
import { DrawingThread } from "../../figure/index.js";
import { capturedEngine, type ReplayOptions, replay } from "../../replay/index.js";
import { workloadOf } from "../../sessions/index.js";
import type { Trace } from "../../trace/index.js";
import { type AnswerFlags, addAnswerFlag } from "../answer-flags.js";
import { addEngineFlags, type EngineFlags, engineFromFlags } from "../engine-flags.js";
import { type ExplainResult, explanationJson, explanationReport } from "../explain-report.js";
import { addFleetFlags, type FleetFlags, fleetFromFlags } from "../fleet-flags.js";
import {
  addLatencyFlags,
  givenLatencyFlags,
  type LatencyFlags,
  latencyFromFlags,
} from "../latency-source.js";
import { sessionFromFlag, stripLines, writeMissFigure } from "../miss-views.js";
import { addPacingFlags, type PacingFlags, pacingFromFlags } from "../pacing-flags.js";
import { readInput } from "../read-input.js";
import { readPrices } from "../read-prices.js";
import { printOut } from "../terminal.js";

interface ExplainFlags extends AnswerFlags, EngineFlags, FleetFlags, LatencyFlags, PacingFlags {
  readonly simulate?: boolean;
  readonly policies?: boolean;
  readonly prices?: string;
  readonly requests?: boolean;
  readonly session?: string;
  readonly outDir?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `explain` command: one cause for every prompt token that was computed. */
export function explainCommand(): Command {
  const command = new Command("explain")
    .description("Why prompt tokens were computed rather than found in the prefix cache: one cause each.")
    .argument("<trace>", "trace with block hashes")
    .option("--simulate", "explain a replay instead of what the engine recorded")
    .option("--policies", "which eviction policies would have kept what was evicted: a replay each")
    .option("--prices <file>", "a provider's prices, for what the tokens cost")
    .option("--requests", "with --json: a row for each request")
    .option(
      "--session <id>",
      "session whose prompts are shown: its number or recorded name (default: the one in which the most tokens were lost)",
    )
    .option("--out-dir <dir>", "draw it too: explain.html, .svg, .png and .json go there")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  addEngineFlags(addLatencyFlags(addFleetFlags(addPacingFlags(addAnswerFlag(command)))));
  return command
    .addHelpText(
      "after",
      `
What the engine recorded is explained where the trace has it (cached_tokens) and no flag asks for another engine or fleet;
else a replay under the latency model. With a latency model each cause that a replay can do without has its cost in TTFT.

Causes, in the order that decides: ${missCauses.join(", ")}.

A price file: {"currency": "USD", "per_million_tokens": {"input": 3, "cached_read": 0.3, "cache_write_5m": 3.75}}. A token
that was computed is counted at cache_write_5m where that is given, else at input, less cached_read.

Examples:
  npx prefixlab explain data/planted-faults/clock.jsonl.gz --latency-trace data/planted-faults/tool-id.jsonl.gz
  npx prefixlab explain data/planted-faults/clock.jsonl.gz --out-dir out
  npx prefixlab explain data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz --replicas 4 --router round-robin
`,
    )
    .action(runExplain);
}

async function runExplain(path: string, flags: ExplainFlags): Promise<void> {
  const thread = flags.outDir === undefined ? undefined : new DrawingThread();
  const workload = workloadOf(await readInput(path, { strict: flags.strict ?? false }));
  // The bytes of a token make no other engine.
  const { kvBytesPerToken, ...engine } = engineFromFlags(flags);
  const { answerReuse } = flags;
  const hasModel = givenLatencyFlags(flags).length > 0;
  const fleet = fleetFromFlags("explain", flags, workload.trace);
  const isSame = Object.keys({ ...engine, ...fleet }).length === 0;
  const isRecorded = flags.simulate !== true && isSame && tellsCached(workload.trace);
  if (!isRecorded && !hasModel)
    throw new InputError(
      `explain: ${tellsCached(workload.trace) ? "another engine or fleet is" : "the trace does not tell what was found in the cache (cached_tokens): it is"} explained by a replay, which needs a latency model: give --profile, --latency-trace or --latency-model`,
    );
  if (flags.policies && !hasModel)
    throw new InputError(
      "explain: --policies replays the trace, which needs a latency model: give --profile, --latency-trace or --latency-model",
    );
  const told = kvBytesPerToken === undefined ? {} : { kvBytesPerToken };
  const prices = flags.prices === undefined ? undefined : await readPrices(flags.prices);
  const options: ReplayOptions | undefined = hasModel
    ? {
        model: await latencyFromFlags(flags),
        engine: { ...engine, ...told },
        answerReuse,
        ...fleet,
        ...pacingFromFlags(flags),
      }
    : undefined;
  const replayed = isRecorded || !options ? undefined : replay(workload, { ...options, gaps: false });
  if (replayed?.trace.records.every(({ cachedTokens }) => cachedTokens === undefined))
    throw new InputError(
      `explain: the replay served none of ${replayed.trace.records.length} requests: ${replayed.run.refused.length} need more blocks than the pool has: raise --kv-cache-size`,
    );
  const memory = options?.model.memory;
  const explained = replayed
    ? explainMisses(replayed, {
        engine: replayed.conditions.engine.settings,
        answerReuse,
        admittedMs: replayed.run.admittedMs,
      })
    : explainMisses(workload, { answerReuse, ...(memory && { poolTokens: memory.poolTokens }) });
  const shown: ExplainResult = {
    path,
    source: isRecorded ? "recorded" : "simulated",
    replicas: new Set((replayed ?? workload).trace.records.map(({ replica }) => replica)).size,
    router: replayed?.conditions.router,
    tiers: replayed?.conditions.tiers ?? [],
    explained: replayed
      ? { ...explained, engine: replayed.conditions.engine, assumptions: replayed.plan.assumptions }
      : explained,
    ...(options && { costs: missCosts(workload, explained, options) }),
    recordedTtftMs: mean(workload.trace.records.flatMap(({ ttftMs }) => ttftMs ?? [])),
    bytesPerToken:
      kvBytesPerToken ?? memory?.kvBytesPerToken ?? capturedEngine(workload.trace.meta).kvBytesPerToken,
    prices,
    ...(flags.policies && options && { policies: keptByPolicies(workload, explained, options) }),
  };
  const session = sessionFromFlag(flags.session, workload);
  const json = `${JSON.stringify(explanationJson(shown, flags.requests ?? false), null, 2)}\n`;
  const wrote =
    flags.outDir === undefined
      ? undefined
      : await writeMissFigure(path, flags.outDir, shown.explained, workload, {
          kind: shown.source,
          session,
          json,
          draw: thread?.draw,
        });
  if (flags.json) {
    printOut(json);
    return;
  }
  printOut(explanationReport(shown));
  printOut(`\n${stripLines(shown.explained, workload, session).join("\n")}\n`);
  if (wrote !== undefined) printOut(`\n${wrote}\n`);
}

function tellsCached({ records }: Trace): boolean {
  return records.some(({ cachedTokens }) => cachedTokens !== undefined);
}
