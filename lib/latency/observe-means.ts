import type { Ms, Tokens } from "../base/index.js";
import { isComplete, type Trace, type TraceRecord } from "../trace/index.js";
import { loadOnly, type Observation, type ObservationSet, type RecordFilter } from "./observations.js";
import { chunkTokenDepth, lonePrefill, uncachedPromptTokens } from "./prefill-chunks.js";
import { assumedBudgetTokens, type ReconstructOptions } from "./reconstruct-steps.js";
import { scheduledMs } from "./scheduled-time.js";
import type { StepCoefficients } from "./step-coefficients.js";
import { type PrefillStep, StepWarp } from "./step-warp.js";
import { type DecodeSpan, decodeSpan, preemptedSpans, TokenFlow } from "./token-flow.js";

/** First tokens closer than this came from one step: no engine's steps are so short under load. */
const sameStepMs = 1;

/** A record with a first token, as this file needs it. */
interface Prefill {
  readonly index: number;
  readonly record: TraceRecord;
  readonly firstTokenMs: Ms;
  readonly scheduledMs: Ms | undefined;
  readonly uncachedTokens: Tokens;
  readonly tokenDepth: number;
  readonly chunks: number;
}

/**
 * Collects what can be learned from a trace without per-token gaps: the whole decode of each request as one
 * observation of many steps, with the tokens that others decoded and the prefills that ended meanwhile; and, where
 * the trace says when a request was scheduled, the way from there to its first token.
 * @param prices of an earlier fit: with them, tokens are spaced evenly in steps rather than in time
 */
export function observeMeans(
  trace: Trace,
  options: ReconstructOptions,
  isTarget: RecordFilter,
  firstRun = 0,
  prices?: StepCoefficients,
): ObservationSet {
  const budget = options.maxNumBatchedTokens ?? trace.meta.maxNumBatchedTokens ?? assumedBudgetTokens;
  const leftOut = new Map<string, number>();
  const leave = (reason: string) => leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);
  const spans = trace.records.map(decodeSpan);
  const known = spans.filter((span) => span !== undefined);
  const prefills = collectPrefills(trace, budget, options.longPrefillTokenThreshold ?? 0);
  const warp = prices && new StepWarp(known, prefillSteps(prefills), prices);
  const clock = (timeMs: Ms): number => (warp ? warp.at(timeMs) : timeMs);
  const flow = new TokenFlow(
    known.map((span) => ({ ...span, first: clock(span.firstTokenMs), last: clock(span.lastTokenMs) })),
  );
  const tooSlow = preemptedSpans(spans);
  const observations: Observation[] = [];

  trace.records.forEach((record, i) => {
    const span = spans[i];
    if (!isTarget(record, i)) leave(loadOnly);
    else if (!span || !isComplete(record)) leave("no decode of at least one step");
    else if (tooSlow[i]) leave("decode far slower than those beside it: preempted");
    else observations.push(spanObservation(span, flow, clock, prefills, firstRun + i));
  });
  observations.push(...serviceObservations(prefills, spans, budget, isTarget, leave, firstRun));
  return {
    observations,
    leftOut,
    warnings: ["gaps were not recorded: the fit rests on mean gaps under load, and has no step noise"],
  };
}

function collectPrefills(trace: Trace, budget: Tokens, threshold: Tokens): Prefill[] {
  const prefills = trace.records.flatMap((record, index): Prefill[] => {
    const { arrivalMs, ttftMs, promptTokens, cachedTokens = 0 } = record;
    if (arrivalMs === undefined || ttftMs === undefined) return [];
    const uncachedTokens = uncachedPromptTokens(promptTokens, cachedTokens);
    return [
      {
        index,
        record,
        firstTokenMs: arrivalMs + ttftMs,
        scheduledMs: scheduledMs(record),
        uncachedTokens,
        tokenDepth: chunkTokenDepth(promptTokens - uncachedTokens, promptTokens),
        chunks: lonePrefill(promptTokens, cachedTokens, budget, threshold).chunks,
      },
    ];
  });
  return prefills.sort((a, b) => a.firstTokenMs - b.firstTokenMs);
}

function spanObservation(
  span: DecodeSpan,
  flow: TokenFlow,
  clock: (timeMs: Ms) => number,
  prefills: readonly Prefill[],
  run: number,
): Observation {
  const { firstTokenMs, lastTokenMs, steps, promptTokens } = span;
  const load = {
    prefillTokens: 0,
    prefillTokenDepth: 0,
    prefillSeqs: 0,
    ...flow.between(clock(firstTokenMs), clock(lastTokenMs)),
  };
  for (let i = firstAfter(prefills, firstTokenMs + sameStepMs); i < prefills.length; i++) {
    const prefill = prefills[i] as Prefill;
    if (prefill.firstTokenMs > lastTokenMs) break;
    load.prefillTokens += prefill.uncachedTokens;
    load.prefillTokenDepth += prefill.tokenDepth;
    load.prefillSeqs += prefill.chunks;
  }
  return { kind: "span", ms: lastTokenMs - firstTokenMs, steps, load, promptTokens, share: steps, run };
}

/**
 * From the scheduler to the first token. Requests whose first tokens came together shared a step; it is used when
 * they were scheduled together, fit the budget, and no other first token came in between. An engine that schedules
 * ahead (vLLM's async scheduling) first finishes the step in progress: a step of decodes more.
 */
function serviceObservations(
  prefills: readonly Prefill[],
  spans: readonly (DecodeSpan | undefined)[],
  budget: Tokens,
  isTarget: RecordFilter,
  leave: (reason: string) => void,
  firstRun: number,
): Observation[] {
  const observations: Observation[] = [];
  let previousMs = Number.NEGATIVE_INFINITY;
  for (const group of groupByStep(prefills)) {
    const first = group[0] as Prefill;
    const beforeMs = previousMs;
    previousMs = first.firstTokenMs;
    if (!group.every(({ record, index }) => isTarget(record, index))) continue;
    const scheduled = group.map((prefill) => prefill.scheduledMs);
    if (scheduled.some((at) => at === undefined)) {
      leave("not recorded when the request was scheduled");
      continue;
    }
    const starts = scheduled as Ms[];
    const startMs = Math.min(...starts);
    const running = runningAt(spans, first.firstTokenMs);
    const tokens = sum(group, (prefill) => prefill.uncachedTokens);
    if (Math.max(...starts) - startMs > sameStepMs || beforeMs > startMs || tokens + running.seqs > budget) {
      leave("first tokens of prefills that shared several steps");
      continue;
    }
    observations.push({
      kind: "service",
      ms: first.firstTokenMs - startMs,
      steps: 1,
      load: {
        prefillTokens: tokens,
        prefillTokenDepth: sum(group, (prefill) => prefill.tokenDepth),
        prefillSeqs: group.length,
        decodeSeqs: running.seqs,
        decodeContextTokens: running.contextTokens,
      },
      promptTokens: first.record.promptTokens,
      share: 1,
      run: firstRun + first.index,
    });
  }
  return observations;
}

/** Prefills whose first tokens came together. */
function groupByStep(prefills: readonly Prefill[]): Prefill[][] {
  const groups: Prefill[][] = [];
  for (const prefill of prefills) {
    const group = groups.at(-1);
    if (group && prefill.firstTokenMs - group[0]!.firstTokenMs < sameStepMs) group.push(prefill);
    else groups.push([prefill]);
  }
  return groups;
}

function prefillSteps(prefills: readonly Prefill[]): PrefillStep[] {
  return groupByStep(prefills).map((group) => ({
    endMs: group[0]!.firstTokenMs,
    tokens: sum(group, (prefill) => prefill.uncachedTokens),
    tokenDepth: sum(group, (prefill) => prefill.tokenDepth),
    chunks: Math.max(...group.map((prefill) => prefill.chunks)),
  }));
}

function sum(prefills: readonly Prefill[], of: (prefill: Prefill) => number): number {
  return prefills.reduce((total, prefill) => total + of(prefill), 0);
}

function runningAt(
  spans: readonly (DecodeSpan | undefined)[],
  timeMs: Ms,
): { seqs: number; contextTokens: Tokens } {
  let seqs = 0;
  let contextTokens = 0;
  for (const span of spans) {
    if (!span || span.firstTokenMs >= timeMs - sameStepMs || span.lastTokenMs < timeMs - sameStepMs) continue;
    const progress = (timeMs - span.firstTokenMs) / (span.lastTokenMs - span.firstTokenMs);
    seqs++;
    contextTokens += span.promptTokens + Math.round(span.steps * progress);
  }
  return { seqs, contextTokens };
}

function firstAfter(prefills: readonly Prefill[], timeMs: Ms): number {
  let low = 0;
  let high = prefills.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (prefills[middle]!.firstTokenMs <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
