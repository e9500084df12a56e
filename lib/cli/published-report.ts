import {
  type CohortName,
  cohortIndices,
  countOutcomes,
  summarizeCohort,
  ttftSurvival,
} from "../cohorts/index.js";
import { h200ColdCurve, publishedFigure } from "../judge/index.js";
import type { Replay } from "../replay/index.js";
import { isAnswered, type TraceRecord } from "../trace/index.js";
import { formatTable, showError, showMs } from "./print-table.js";
import { asFlags } from "./replay-header.js";
import { outcomesJson, replaySeriesJson } from "./summary-json.js";

/** The published scenario as it was run here: under the limit, without it, and with other arrivals. */
export interface PublishedRuns {
  readonly arrivalSeed: number;
  readonly warm: Replay;
  readonly cold: Replay;
  readonly unlimited: Replay;
  /** The cold run of every schedule that there is. */
  readonly bySeed: readonly { readonly seed: number; readonly cold: Replay }[];
}

/** What is known of one cohort of a cold run. */
interface ColdCohort {
  readonly records: readonly TraceRecord[];
  readonly survivors: readonly TraceRecord[];
}

function coldCohort({ trace, sessions }: Replay, cohort: CohortName): ColdCohort {
  const records = cohortIndices(sessions, cohort).map((i) => trace.records[i]);
  return { records, survivors: records.filter(isAnswered) };
}

function quantilesOf({ survivors }: ColdCohort) {
  const { p50, p90, p99 } = summarizeCohort(survivors).ttftMs;
  return { p50: p50 ?? null, p90: p90 ?? null, p99: p99 ?? null };
}

function maxOf({ survivors }: ColdCohort): number | null {
  return survivors.length === 0 ? null : Math.max(...survivors.map(({ ttftMs }) => ttftMs ?? 0));
}

/** Rows of the published figure beside this run. */
function published({ cold }: PublishedRuns) {
  const [turn1, later] = [coldCohort(cold, "turn1"), coldCohort(cold, "turns2plus")];
  const { p50, p99 } = quantilesOf(later);
  const figure = publishedFigure;
  return [
    ["turn1_completed", "turn 1, complete", figure.turn1.completed, turn1.survivors.length],
    ["turn1_max_ttft_ms", "turn 1, longest TTFT of the complete", figure.turn1.maxMs, maxOf(turn1)],
    ["turns2plus_completed", "turns 2+, complete", figure.turns2plus.completed, later.survivors.length],
    ["turns2plus_ttft_ms_p50", "turns 2+, TTFT p50 of the complete", figure.turns2plus.p50Ms, p50],
    ["turns2plus_ttft_ms_p99", "turns 2+, TTFT p99 of the complete", figure.turns2plus.p99Ms, p99],
  ] as const;
}

/** The share of a cohort that was still waiting at the limit. */
function waitingAtLimit({ cold }: PublishedRuns, cohort: CohortName): number {
  const { survival } = ttftSurvival(cold, cohort).curve;
  return survival.length === 0 ? 1 : survival[survival.length - 1];
}

/** The document of `figure --published`. */
export function publishedJson(runs: PublishedRuns): Record<string, unknown> {
  const { warm, cold, unlimited, bySeed, arrivalSeed } = runs;
  const { requestTimeoutMs = 0, onTimeout } = cold.conditions;
  return {
    series: {
      modeled_on: { kind: "modeled", cache: "on", ...replaySeriesJson(warm) },
      modeled_off: { kind: "modeled", cache: "off", ...replaySeriesJson(cold) },
    },
    arrival_seed: arrivalSeed,
    request_timeout_s: requestTimeoutMs / 1000,
    on_timeout: onTimeout,
    published: {
      source: publishedFigure.source,
      ...Object.fromEntries(
        published(runs).map(([key, , there, here]) => [
          key,
          { published: there, modeled: here, difference: here === null ? null : here / there - 1 },
        ]),
      ),
    },
    kaplan_meier: Object.fromEntries(
      (["turn1", "turns2plus"] as const).map((cohort) => [
        cohort,
        {
          ttft_ms_p50: ttftSurvival(cold, cohort).medianMs ?? null,
          waiting_at_limit: waitingAtLimit(runs, cohort),
        },
      ]),
    ),
    without_limit: replaySeriesJson(unlimited),
    arrival_seeds: bySeed.map(({ seed, cold: run }) => ({
      seed,
      sessions: coldCohort(run, "turn1").records.length,
      ...Object.fromEntries(
        (["turn1", "turns2plus"] as const).map((name) => {
          const cohort = coldCohort(run, name);
          const survivors = { ttft_ms: quantilesOf(cohort), max_ttft_ms: maxOf(cohort) };
          return [name, { ...outcomesJson(cohort.records), survivors }];
        }),
      ),
    })),
    card: {
      source: h200ColdCurve.source,
      model: h200ColdCurve.model,
      sessions_per_s: h200ColdCurve.sessionsPerSecond,
      requests: h200ColdCurve.requests,
      max_num_batched_tokens: h200ColdCurve.maxNumBatchedTokens,
      compared: false,
      ttft_ms: Object.fromEntries(
        h200ColdCurve.ttftMs.map(([p, ms]) => [p === 0 ? "min" : `p${100 * p}`, ms]),
      ),
    },
    assumed: assumptions(cold),
  };
}

/** What is assumed, in words. */
export function assumptions({ conditions }: Replay): string[] {
  return [
    "step price of the published figure (profile vllm-vcr-published): no card's, a 2,048-token step costs there what an H200 took for 8,192",
    `engine: ${asFlags(conditions.engine.settings)}`,
    "1.5 tokens a word: a prefix of 9,750 tokens, 192 new ones and 128 of answer a turn; two prefixes in turn; no think time",
    `a client that gives up after ${(conditions.requestTimeoutMs ?? 0) / 1000} s and then ${conditions.onTimeout === "end-session" ? "ends the session" : "sends the next turn at once"}`,
  ];
}

/** The same for people. */
export function publishedReport(runs: PublishedRuns): string {
  const { warm, cold, unlimited, bySeed, arrivalSeed } = runs;
  const limit = showMs(cold.conditions.requestTimeoutMs);
  const { sent } = countOutcomes(cold.trace.records);
  const show = (key: string, value: number | null) =>
    value === null ? "-" : key.endsWith("completed") ? String(value) : showMs(value);
  const later = coldCohort(cold, "turns2plus");
  const { timedOutBeforeFirstToken: before, timedOutAfterFirstToken: after } = countOutcomes(later.records);
  const all = ttftSurvival(cold, "turns2plus");
  const [warmLater, free] = [warm, unlimited].map(
    (run) => summarizeCohort(coldCohort(run, "turns2plus").records).ttftMs,
  );
  const median = all.medianMs === undefined ? `over ${limit}` : showMs(all.medianMs);
  const lines = [
    `${coldCohort(cold, "turn1").records.length} sessions, ${sent} requests sent; arrivals of seed ${arrivalSeed}; cache off unless said`,
    ...assumptions(cold).map((what) => `assumed: ${what}`),
    "",
    formatTable(
      ["quantity", "published", "modeled", "difference"],
      published(runs).map(([key, text, there, here]) => [
        text,
        show(key, there),
        show(key, here),
        showError(here === null ? undefined : here / there - 1),
      ]),
    ),
    `published: ${publishedFigure.source}, read off the picture`,
    "",
    `of ${later.records.length} turns 2+, ${later.survivors.length} were complete, ${after} were cut after their first token and ${before} before it`,
    `Kaplan-Meier of all of them: median ${median}; ${(100 * waitingAtLimit(runs, "turns2plus")).toFixed(0)} % still waited when they were cut`,
    `without a limit: p50 ${showMs(free.p50)}, p99 ${showMs(free.p99)}; with the cache on: p50 ${showMs(warmLater.p50)}, p99 ${showMs(warmLater.p99)}`,
    cardLine(),
    "",
    formatTable(
      ["arrival seed", "sessions", "turn 1 complete", "turns 2+ complete", "of", "their TTFT p50", "p99"],
      bySeed.map(({ seed, cold: run }) => {
        const [first, rest] = [coldCohort(run, "turn1"), coldCohort(run, "turns2plus")];
        const { p50, p99 } = quantilesOf(rest);
        return [
          String(seed),
          String(first.records.length),
          String(first.survivors.length),
          String(rest.survivors.length),
          String(rest.records.length),
          showMs(p50 ?? undefined),
          showMs(p99 ?? undefined),
        ];
      }),
    ),
  ];
  return lines.join("\n");
}

function cardLine(): string {
  const { model, sessionsPerSecond, maxNumBatchedTokens, ttftMs } = h200ColdCurve;
  const at = (wanted: number) => showMs(ttftMs.find(([p]) => p === wanted)?.[1]);
  return `not compared, another load: ${model}, cache off, ${sessionsPerSecond} sessions/s, budget ${maxNumBatchedTokens}: captured p50 ${at(0.5)}, p99 ${at(0.99)}`;
}
