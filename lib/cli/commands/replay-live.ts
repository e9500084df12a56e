import { InputError } from "../../base/index.js";
import { type LiveReplay, replayLive } from "../../capture/index.js";
import { type Comparison, compareTraces } from "../../judge/index.js";
import { answerReuseWords, capturedPacing, type Plan, pacingDoubts, planReplay } from "../../replay/index.js";
import type { SessionLabels, Workload } from "../../sessions/index.js";
import { engineCount, type Trace } from "../../trace/index.js";
import { type AnswerFlags, answerReuseJson } from "../answer-flags.js";
import { formatComparison } from "../comparison-table.js";
import { type EngineFlags, givenEngineFlags } from "../engine-flags.js";
import { givenLatencyFlags, type LatencyFlags } from "../latency-source.js";
import { type PacingFlags, pacingFromFlags } from "../pacing-flags.js";
import { formatTable, showMs, showPercent } from "../print-table.js";
import { progressBar } from "../read-input.js";
import { asFlags, liveEngineJson } from "../replay-header.js";
import { stopSignal } from "../stop-signal.js";
import { capturedSeriesJson, comparisonJson, promptsWord } from "../summary-json.js";
import { printErr, printOut } from "../terminal.js";
import { givenTimeoutFlags, type TimeoutFlags } from "../timeout-flags.js";

/** What `replay --url` takes from the command's flags. */
export interface LiveReplayFlags extends AnswerFlags, EngineFlags, LatencyFlags, PacingFlags, TimeoutFlags {
  readonly url: readonly string[];
  readonly modelName?: string;
  readonly tokenRange?: readonly [number, number];
  readonly timeout: number;
  readonly coldPrompts?: boolean;
  readonly rateScale: number;
  readonly seeds: number;
  readonly seed: number;
  readonly tolerance: number;
  readonly against?: string;
  readonly replicas?: number;
  readonly judgeAfter?: number;
  readonly router?: string;
  readonly dumpTrace?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const whatIf =
  "a what-if beside the capture it was made from: the differences are its effect, nothing is judged";

/**
 * `replay TRACE --url U`: the same plan, sent to a server, or to several behind a router, instead of the simulated engines.
 * @throws InputError when flags ask for what only the simulated engine can do
 */
export async function replayLiveCommand(
  trace: Trace,
  sessions: SessionLabels,
  flags: LiveReplayFlags,
): Promise<void> {
  refuseModelFlags(flags);
  const pacing = pacingFromFlags(flags);
  const pacingFrom = pacing.pacing === undefined ? capturedPacing(trace).from : "given";
  const planned = planReplay(
    { trace, sessions },
    {
      ...pacing,
      answerReuse: flags.answerReuse,
      prompts: flags.coldPrompts ? "unique" : "recorded",
      rateScale: flags.rateScale,
    },
  );
  const { answerReuse } = planned;
  const assumptions = [
    ...pacingDoubts(trace, pacingFrom),
    ...(answerReuse ? [answerReuseWords(answerReuse)] : []),
    ...planned.assumptions,
  ];
  const plan = { ...planned, assumptions };
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  const bar = progressBar(`replaying against ${flags.url.join(", ")}`);
  const apiKey = process.env.OPENAI_API_KEY;
  const startedMs = performance.now();
  const live = await replayLive({
    plan,
    url: flags.url,
    ...(flags.router !== undefined && { router: flags.router }),
    model: flags.modelName ?? trace.meta.model ?? "default",
    seed: flags.seed,
    timeoutMs: flags.timeout * 1000,
    signal: stop.signal,
    ...(flags.dumpTrace !== undefined && { traceOut: flags.dumpTrace }),
    force: flags.force ?? false,
    labels: labelsOf({ trace, sessions }),
    onProgress: ({ completed, failed, planned }) => bar.update(planned ? (completed + failed) / planned : 0),
    ...(flags.tokenRange && { tokenIdRange: flags.tokenRange }),
    ...(apiKey && { apiKey }),
  }).finally(() => bar.stop());
  const wallMs = performance.now() - startedMs;
  for (const warning of live.warnings) printErr(`warning: ${warning}\n`);
  // What a what-if differs by is an effect, not an error.
  const isWhatIf =
    flags.coldPrompts === true || flags.rateScale !== 1 || flags.url.length !== engineCount(trace.meta);
  const comparison = compareTraces(
    { trace, sessions },
    { modeled: [live.trace], tolerance: flags.tolerance, kind: isWhatIf ? "difference" : "error" },
  );
  if (flags.json) {
    const document = liveJson(live, sessions, plan, pacingFrom, wallMs, flags);
    printOut(
      `${JSON.stringify({ ...document, source: capturedSeriesJson({ trace, sessions }), ...comparisonJson(comparison) }, null, 2)}\n`,
    );
  } else printOut(liveReport(live, plan, pacingFrom, comparison));
  if (comparison.verdict === "fail" || live.notSent > 0) process.exitCode = 1;
}

function refuseModelFlags(flags: LiveReplayFlags): void {
  const given: Readonly<Record<string, boolean>> = {
    "--against": flags.against !== undefined,
    "--seeds": flags.seeds !== 1,
    "--replicas": flags.replicas !== undefined,
    "--judge-after": flags.judgeAfter !== undefined,
  };
  const limits = givenTimeoutFlags(flags);
  if (limits.length > 0)
    throw new InputError(
      `replay: ${limits.join(", ")} ${limits.length === 1 ? "is" : "are"} of the simulated client: with --url the time limit of a request is --timeout`,
    );
  const names = [
    ...Object.keys(given).filter((name) => given[name]),
    ...givenLatencyFlags(flags),
    ...givenEngineFlags(flags),
  ];
  if (names.length > 0)
    throw new InputError(
      `replay: ${names.join(", ")} ${names.length === 1 ? "is" : "are"} for the simulated engine and would do nothing with --url: leave ${names.length === 1 ? "it" : "them"} out, or replay without --url`,
    );
}

/** By the names that the trace has for its sessions, so that the capture is known for one of the same requests; else by number. */
function labelsOf({
  trace: { records },
  sessions,
}: Workload): (index: number) => { session: string; turn: number } {
  const isNamed = records.every(({ session, turn }) => session !== undefined && turn !== undefined);
  return (index) => {
    const { session, turn } = records[index];
    return isNamed
      ? { session: session as string, turn: turn as number }
      : { session: String(sessions.session[index]), turn: sessions.turn[index] };
  };
}

function liveJson(
  { trace, fleet }: LiveReplay,
  sessions: SessionLabels,
  plan: Plan,
  pacingFrom: string,
  wallMs: number,
  { seed }: LiveReplayFlags,
): Record<string, unknown> {
  return {
    ...capturedSeriesJson({ trace, sessions }),
    // A live replay runs by the wall clock: what it covered is what it took.
    virtual_s: wallMs / 1000,
    wall_s: wallMs / 1000,
    seed,
    ...(fleet && fleetJson(fleet)),
    pacing: plan.pacing,
    pacing_from: pacingFrom,
    prompts: promptsWord(plan.prompts),
    engine: liveEngineJson(trace),
    assumptions: plan.assumptions,
    answer_reuse: answerReuseJson(plan.answerReuse),
    extrapolated: 0,
  };
}

function liveReport(
  { trace, fleet, notSent }: LiveReplay,
  plan: Plan,
  pacingFrom: string,
  comparison: Comparison,
): string {
  return [
    `${trace.records.length} requests replayed live; ${notSent} not sent`,
    `engine, as the server tells it: ${asFlags(trace.meta.engine ?? {}) || "nothing"}`,
    `pacing: ${plan.pacing} (${pacingFrom}); prompts: ${plan.prompts}`,
    ...plan.assumptions.map((assumption) => `assumed: ${assumption}`),
    ...(fleet ? fleetLines(fleet) : []),
    "",
    formatComparison(comparison, "replayed", comparison.kind === "difference" ? whatIf : undefined),
  ].join("\n");
}

type LiveFleetResult = NonNullable<LiveReplay["fleet"]>;

/** As the simulated fleet's rows, with the server's address and what it failed. */
function fleetJson({ router, servers }: LiveFleetResult): Record<string, unknown> {
  return {
    replica_count: servers.length,
    router,
    replicas: servers.map((row) => ({
      replica: row.replica,
      url: row.url,
      requests: row.requests,
      failed: row.failed,
      prompt_tokens: row.promptTokens,
      hit_share: row.hitShare ?? null,
      ttft_ms: { p50: row.ttftMs.p50 ?? null, p90: row.ttftMs.p90 ?? null, p99: row.ttftMs.p99 ?? null },
    })),
  };
}

function fleetLines({ router, servers }: LiveFleetResult): string[] {
  const rows = servers.map((row) => [
    String(row.replica),
    row.url,
    String(row.requests),
    String(row.failed),
    String(row.promptTokens),
    row.hitShare === undefined ? "-" : showPercent(row.hitShare),
    showMs(row.ttftMs.p50),
    showMs(row.ttftMs.p99),
  ]);
  return [
    `servers: ${servers.length}, router ${router}`,
    "",
    formatTable(
      ["replica", "url", "requests", "failed", "prompt tokens", "hits", "TTFT p50", "TTFT p99"],
      rows,
    ).trimEnd(),
  ];
}
