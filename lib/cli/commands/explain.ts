import { Command } from "commander";
import { InputError } from "../../base/index.js";
import {
  divergencePatterns,
  explainMisses,
  type MissCause,
  type MissCost,
  type MissExplanation,
  missCauses,
  missCosts,
  missRemedies,
} from "../../explain/index.js";
import { type ReplayOptions, replay } from "../../replay/index.js";
import { workloadOf } from "../../sessions/index.js";
import type { Trace } from "../../trace/index.js";
import { type AnswerFlags, addAnswerFlag } from "../answer-flags.js";
import { addEngineFlags, type EngineFlags, engineFromFlags } from "../engine-flags.js";
import {
  addLatencyFlags,
  givenLatencyFlags,
  type LatencyFlags,
  latencyFromFlags,
} from "../latency-source.js";
import { addPacingFlags, type PacingFlags, pacingFromFlags } from "../pacing-flags.js";
import { formatTable, showMs } from "../print-table.js";
import { readInput } from "../read-input.js";
import { engineJson } from "../replay-header.js";
import { printOut } from "../terminal.js";

interface ExplainFlags extends AnswerFlags, EngineFlags, LatencyFlags, PacingFlags {
  readonly simulate?: boolean;
  readonly requests?: boolean;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `explain` command: one cause for every prompt token that was computed. */
export function explainCommand(): Command {
  const command = new Command("explain")
    .description("Why prompt tokens were computed rather than found in the prefix cache: one cause each.")
    .argument("<trace>", "trace with block hashes")
    .option("--simulate", "explain a replay instead of what the engine recorded")
    .option("--requests", "with --json: a row for each request")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  addEngineFlags(addLatencyFlags(addPacingFlags(addAnswerFlag(command))));
  return command
    .addHelpText(
      "after",
      `
What the engine recorded is explained where the trace has it (cached_tokens) and no engine flag asks for another engine;
else a replay under the latency model. With a latency model each cause that a replay can do without has its cost in TTFT.

Causes, in the order that decides: ${missCauses.join(", ")}.

Example:
  npx prefixlab explain data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz
`,
    )
    .action(runExplain);
}

async function runExplain(path: string, flags: ExplainFlags): Promise<void> {
  const workload = workloadOf(await readInput(path, { strict: flags.strict ?? false }));
  const engine = engineFromFlags(flags);
  const { answerReuse } = flags;
  const hasModel = givenLatencyFlags(flags).length > 0;
  const isRecorded =
    flags.simulate !== true && Object.keys(engine).length === 0 && tellsCached(workload.trace);
  if (!isRecorded && !hasModel)
    throw new InputError(
      `explain: ${tellsCached(workload.trace) ? "another engine is" : "the trace does not tell what was found in the cache (cached_tokens): it is"} explained by a replay, which needs a latency model: give --profile, --latency-trace or --latency-model`,
    );
  const options: ReplayOptions | undefined = hasModel
    ? { model: await latencyFromFlags(flags), engine, answerReuse, ...pacingFromFlags(flags) }
    : undefined;
  const replayed = isRecorded || !options ? undefined : replay(workload, { ...options, gaps: false });
  const explained = replayed
    ? explainMisses(replayed, {
        engine: replayed.conditions.engine.settings,
        answerReuse,
        admittedMs: replayed.run.admittedMs,
      })
    : explainMisses(workload, { answerReuse });
  const costs = options ? missCosts(workload, explained, options) : {};
  const source = isRecorded ? "recorded" : "simulated";
  const shown = replayed
    ? { ...explained, engine: replayed.conditions.engine, assumptions: replayed.plan.assumptions }
    : explained;
  printOut(
    flags.json
      ? `${JSON.stringify(explanationJson(shown, costs, source, flags.requests ?? false), null, 2)}\n`
      : explanationReport(path, shown, costs, source),
  );
}

function tellsCached({ records }: Trace): boolean {
  return records.some(({ cachedTokens }) => cachedTokens !== undefined);
}

type Costs = Partial<Record<MissCause, MissCost>>;

function explanationJson(x: MissExplanation, costs: Costs, source: string, withRequests: boolean) {
  return {
    source,
    requests_explained: x.requests.length,
    requests_untold: x.untold,
    prompt_tokens: x.promptTokens,
    cached_tokens: x.cachedTokens,
    causes: Object.fromEntries(
      missCauses.map((cause) => {
        const cost = costs[cause]?.ttftMs;
        return [
          cause,
          {
            ...x.causes[cause],
            ttft_ms_saved: cost?.estimate ?? null,
            ttft_ms_saved_interval: cost ? [cost.lower ?? null, cost.upper ?? null] : null,
          },
        ];
      }),
    ),
    divergences: divergencePatterns(x).map(({ kind, role, requests, tokens, fromToken }) => ({
      kind,
      role: role ?? null,
      requests,
      tokens,
      from_token: fromToken ?? null,
    })),
    remedies: missRemedies(x),
    resets_ms: x.resetsMs,
    engine: engineJson(x.engine),
    assumptions: x.assumptions,
    ...(withRequests && {
      requests: x.requests.map(({ index, promptTokens, cachedTokens, parts }) => ({
        index,
        prompt_tokens: promptTokens,
        cached_tokens: cachedTokens,
        parts: parts.map((part) => ({
          cause: part.cause,
          from_token: part.fromToken,
          tokens: part.tokens,
          ...(part.blocksShort !== undefined && { blocks_short: part.blocksShort }),
          ...(part.idleMs !== undefined && { idle_ms: part.idleMs }),
          ...(part.from !== undefined && { from: part.from }),
          ...(part.divergence && { divergence: part.divergence }),
        })),
      })),
    }),
  };
}

function explanationReport(path: string, x: MissExplanation, costs: Costs, source: string): string {
  const share = (tokens: number) =>
    x.promptTokens === 0 ? "-" : `${((100 * tokens) / x.promptTokens).toFixed(1)} %`;
  const rows = missCauses
    .filter((cause) => x.causes[cause].tokens > 0)
    .map((cause) => {
      const { tokens, requests } = x.causes[cause];
      const cost = costs[cause]?.ttftMs;
      const saved =
        cost?.estimate === undefined
          ? "-"
          : `${showSaved(cost.estimate)} [${showSaved(cost.lower)}, ${showSaved(cost.upper)}]`;
      return [cause.replaceAll("_", " "), String(tokens), share(tokens), String(requests), saved];
    });
  const { kvCacheBlocks, blockSize } = x.engine.settings;
  const lines = [
    `${path}: ${x.requests.length} requests, ${source}: ${x.cachedTokens} of ${x.promptTokens} prompt tokens (${share(x.cachedTokens)}) were found in the cache`,
    ...(x.untold > 0 ? [`${x.untold} requests do not tell what they found, and are in no number here`] : []),
    `pool: ${kvCacheBlocks} blocks of ${blockSize} tokens (${x.engine.from.kvCacheBlocks})`,
    ...x.assumptions.map((assumption) => `assumed: ${assumption}`),
  ];
  const remedies = missRemedies(x).map(({ sentence }) => `- ${sentence}`);
  return [
    `${lines.join("\n")}\n\n`,
    formatTable(["cause", "tokens", "of prompts", "requests", "mean TTFT without it"], rows),
    ...(remedies.length > 0 ? [`\n${remedies.join("\n")}\n`] : []),
  ].join("");
}

function showSaved(ms: number | undefined): string {
  if (ms === undefined) return "-";
  return ms < 0 ? `+${showMs(-ms)}` : `-${showMs(ms)}`;
}
