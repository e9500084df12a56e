import { replayLive } from "../../capture/index.js";
import { type Comparison, compareTraces, type Plan, planReplay } from "../../replay/index.js";
import type { SessionLabels } from "../../sessions/index.js";
import { type Trace, writeTrace } from "../../trace/index.js";
import { formatComparison } from "../comparison-table.js";
import { progressBar } from "../read-input.js";
import { stopSignal } from "../stop-signal.js";
import { capturedSeriesJson, comparisonJson } from "../summary-json.js";

/** What `replay --url` takes from the command's flags. */
export interface LiveReplayFlags {
  readonly url: string;
  readonly modelName?: string;
  readonly tokenRange?: readonly [number, number];
  readonly timeout: number;
  readonly replaySessions?: boolean;
  readonly coldPrompts?: boolean;
  readonly rateScale: number;
  readonly seed: number;
  readonly tolerance: number;
  readonly dumpTrace?: string;
  readonly json?: boolean;
}

/** `replay TRACE --url U`: the same plan, sent to a server instead of the simulated engine. */
export async function replayLiveCommand(
  trace: Trace,
  sessions: SessionLabels,
  flags: LiveReplayFlags,
): Promise<void> {
  const plan = planReplay({
    trace,
    sessions,
    pacing: flags.replaySessions ? "session" : "open-loop",
    prompts: flags.coldPrompts ? "cold" : "recorded",
    rateScale: flags.rateScale,
  });
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  const bar = progressBar(`replaying against ${flags.url}`);
  const apiKey = process.env.OPENAI_API_KEY;
  const startedMs = performance.now();
  const live = await replayLive({
    plan,
    url: flags.url,
    model: flags.modelName ?? trace.meta.model ?? "default",
    seed: flags.seed,
    timeoutMs: flags.timeout * 1000,
    signal: stop.signal,
    labels: (index) => labelsOf(sessions, index),
    onProgress: ({ completed, failed, planned }) => bar.update(planned ? (completed + failed) / planned : 0),
    ...(flags.tokenRange && { tokenIdRange: flags.tokenRange }),
    ...(apiKey && { apiKey }),
  }).finally(() => bar.stop());
  const wallMs = performance.now() - startedMs;
  for (const warning of live.warnings) process.stderr.write(`warning: ${warning}\n`);
  if (flags.dumpTrace !== undefined) await writeTrace(flags.dumpTrace, live.trace);
  const comparison = compareTraces({
    captured: trace,
    sessions,
    modeled: [live.trace],
    tolerance: flags.tolerance,
  });
  if (flags.json) {
    const document = liveJson(live.trace, sessions, plan, wallMs, flags.seed);
    process.stdout.write(
      `${JSON.stringify({ ...document, source: capturedSeriesJson(trace, sessions), ...comparisonJson(comparison) }, null, 2)}\n`,
    );
  } else process.stdout.write(liveReport(live.trace, plan, comparison, live.notSent));
  if (comparison.verdict === "fail" || live.notSent > 0) process.exitCode = 1;
}

function labelsOf(sessions: SessionLabels, index: number): { session: string; turn: number } {
  return { session: String(sessions.session[index]), turn: sessions.turn[index] as number };
}

function liveJson(
  trace: Trace,
  sessions: SessionLabels,
  plan: Plan,
  wallMs: number,
  seed: number,
): Record<string, unknown> {
  return {
    ...capturedSeriesJson(trace, sessions),
    // A live replay runs by the wall clock: what it covered is what it took.
    virtual_s: wallMs / 1000,
    wall_s: wallMs / 1000,
    seed,
    pacing: plan.pacing,
    prompts: plan.prompts,
    assumptions: plan.assumptions,
    extrapolated: 0,
  };
}

function liveReport(trace: Trace, plan: Plan, comparison: Comparison, notSent: number): string {
  return [
    `${trace.records.length} requests replayed live, ${plan.pacing}, prompts ${plan.prompts}; ${notSent} not sent`,
    "",
    formatComparison(comparison, "replayed"),
  ].join("\n");
}
