import { InputError } from "../../base/index.js";
import { type Comparison, compareTraces } from "../../judge/index.js";
import { type RecordedTimesReplay, replayRecordedTimes } from "../../replay/index.js";
import type { ChosenSessions, Workload } from "../../sessions/index.js";
import { writeTrace } from "../../trace/files/index.js";
import { inArrivalOrder } from "../../trace/index.js";
import { formatComparison } from "../comparison-table.js";
import { type EngineFlags, engineFromFlags } from "../engine-flags.js";
import { showMs } from "../print-table.js";
import { engineJson, settingsLines, tierLines } from "../replay-header.js";
import { sessionSourceJson } from "../session-flags.js";
import { capturedSeriesJson, comparisonJson } from "../summary-json.js";
import { printOut } from "../terminal.js";

/** The flags of `replay` that say something beside times that are taken as they are. */
export interface RecordedTimesFlags extends EngineFlags {
  readonly judgeAfter?: number;
  readonly dumpTrace?: string;
  readonly json?: boolean;
}

/** A trace and where its sessions come from. */
type CapturedWorkload = Workload & { readonly sessions: ChosenSessions };

/** Flags of `replay` that change times, or what is replayed, by their names in code. */
const notWithRecordedTimes = {
  latencyTrace: "--latency-trace",
  latencyModel: "--latency-model",
  profile: "--profile",
  modelConfig: "--model-config",
  url: "--url",
  coldPrompts: "--cold-prompts",
  against: "--against",
  replicas: "--replicas",
  router: "--router",
  replaySessions: "--replay-sessions",
  openLoop: "--open-loop",
  maxConcurrency: "--max-concurrency",
  requestTimeout: "--request-timeout",
  rateScale: "--rate-scale",
  seeds: "--seeds",
} as const;

/** Of these, what they are where they are not given. */
const usual: Readonly<Record<string, unknown>> = { rateScale: 1, seeds: 1 };

/** `replay --recorded-times`: the cache alone, at the capture's own times. */
export async function replayRecordedTimesCommand(
  workload: CapturedWorkload,
  flags: RecordedTimesFlags & Readonly<Partial<Record<keyof typeof notWithRecordedTimes, unknown>>>,
): Promise<void> {
  const given = (Object.keys(notWithRecordedTimes) as (keyof typeof notWithRecordedTimes)[]).filter(
    (flag) => flags[flag] !== usual[flag],
  );
  if (given.length > 0)
    throw new InputError(
      `replay: --recorded-times takes every time from the trace, so that ${given.map((flag) => notWithRecordedTimes[flag]).join(", ")} would have no effect: leave ${given.length > 1 ? "them" : "it"} out, or --recorded-times`,
    );
  const { judgeAfter = 0 } = flags;
  if (judgeAfter >= workload.trace.records.length)
    throw new InputError(
      `replay: --judge-after ${judgeAfter} leaves nothing to compare: the trace has ${workload.trace.records.length} rows`,
    );
  const replayed = replayRecordedTimes(workload, { engine: engineFromFlags(flags) });
  const comparison = cacheAlone(workload, replayed, judgeAfter);
  printOut(flags.json ? json(workload, replayed, comparison) : text(replayed, comparison));
  if (flags.dumpTrace !== undefined) {
    const records = inArrivalOrder([...replayed.trace.records]);
    await writeTrace(flags.dumpTrace, { ...replayed.trace, records });
  }
}

/** What is the same by construction is not compared, and nothing of it can pass or fail. */
function cacheAlone(captured: Workload, { trace }: RecordedTimesReplay, judgeAfter: number): Comparison {
  const comparison = compareTraces(captured, {
    modeled: [trace],
    ...(judgeAfter > 0 && { isJudged: (index: number) => index >= judgeAfter }),
  });
  return { ...comparison, cells: [], curves: [], verdict: "none" };
}

function text(
  { engine, poolTokens, tiers, run, trace, wallMs }: RecordedTimesReplay,
  comparison: Comparison,
): string {
  const { kvCacheBlocks, blockSize } = engine.settings;
  return [
    `${trace.records.length} requests at their recorded times, in ${showMs(wallMs)}`,
    `pool: ${kvCacheBlocks} blocks of ${blockSize} tokens = ${poolTokens} tokens`,
    ...tierLines(tiers, engine.settings),
    ...settingsLines(engine),
    `prefix hits: ${run.hitTokens} of ${run.queriedTokens} prompt tokens${tiers.length > 0 ? `, ${run.lowerHitTokens} of them from behind the pool` : ""}; ${run.preemptions} preemptions`,
    ...(run.leftOut > 0
      ? [`left out: ${run.leftOut} requests without an arrival or a prompt, or larger than the pool`]
      : []),
    "",
    formatComparison(
      comparison,
      "predicted",
      "the times are the capture's own: only cached tokens are predicted",
    ),
  ].join("\n");
}

function json(captured: CapturedWorkload, replayed: RecordedTimesReplay, comparison: Comparison): string {
  const { engine, poolTokens, tiers, run, wallMs } = replayed;
  const document = {
    ...capturedSeriesJson(replayed),
    virtual_s: null,
    wall_s: wallMs / 1000,
    seed: null,
    pacing: "recorded-times",
    prompts: "recorded",
    engine: { ...engineJson(engine), pool_tokens: poolTokens },
    preemptions: run.preemptions,
    left_out: run.leftOut,
    prefix_hit_tokens: run.hitTokens,
    ...(tiers.length > 0 && { lower_hit_tokens: run.lowerHitTokens }),
    prefix_query_tokens: run.queriedTokens,
    extrapolated: 0,
    source: capturedSeriesJson(captured),
    ...comparisonJson(comparison),
    sessions: sessionSourceJson(captured.sessions),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
