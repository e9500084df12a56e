import type { Ms, Tokens } from "../base/index.js";
import type { StepCoefficients, StepForm } from "../latency/index.js";
import { engineCount, isComplete, type Trace } from "../trace/index.js";
import { isolatedObservations } from "./isolated-observations.js";
import { loadOnly, type Observation, type ObservationSet, type RecordFilter } from "./observation.js";
import {
  groupByStep,
  isCacheRecorded,
  type PrefillStep,
  sameStepMs,
  type TracedPrefill,
  toPrefillStep,
  tracedPrefills,
} from "./prefill-steps.js";
import { assumedBudgetTokens, type ReconstructOptions } from "./reconstruct-steps.js";
import { StepWarp } from "./step-warp.js";
import {
  type DecodeSpan,
  decodeSpan,
  LiveSpans,
  preemptedSpans,
  TokenFlow,
  type WindowFlow,
} from "./token-flow.js";

/** What an earlier round of a fit on means knows. */
export interface EarlierRound {
  /** With prices, tokens are spaced evenly in steps rather than in time. */
  readonly prices: StepCoefficients;
  /** Default: a sum. */
  readonly form?: StepForm;
  /** Prefills that the trace does not show, in any order. */
  readonly hiddenPrefills: readonly PrefillStep[];
}

/**
 * Collects what can be learned from a trace without per-token gaps: the whole decode of each request as one
 * observation of many steps, with the tokens that others decoded and the prefills that ended meanwhile; TTFTs of requests
 * that found the engine idle; and, where the trace says when a request was scheduled, the way from there to its first token.
 */
export function observeMeans(
  trace: Trace,
  options: ReconstructOptions,
  isTarget: RecordFilter,
  firstRun = 0,
  earlier?: EarlierRound,
): ObservationSet {
  const budget = options.maxNumBatchedTokens ?? trace.meta.engine?.maxNumBatchedTokens ?? assumedBudgetTokens;
  const leftOut = new Map<string, number>();
  const leave = (reason: string) => leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);
  // Ranks that are engines of their own share the load evenly, as far as the trace tells.
  const engines = engineCount(trace.meta);
  const shareOfRank = 1 / engines;
  const spans = trace.records.map(decodeSpan);
  const known = spans.filter((span) => span !== undefined);
  const longPrefillTokenThreshold = options.longPrefillTokenThreshold ?? 0;
  const traced = tracedPrefills(trace, budget, longPrefillTokenThreshold);
  const groups = groupByStep(traced);
  const prefills = [...groups.map(toPrefillStep), ...(earlier?.hiddenPrefills ?? [])];
  prefills.sort((a, b) => a.endMs - b.endMs);
  const warp = earlier && new StepWarp(known, prefills, earlier.prices, earlier.form);
  const clock = (timeMs: Ms): number => (warp ? warp.at(timeMs) : timeMs);
  const flow = new TokenFlow(
    known.map((span) => ({ ...span, first: clock(span.firstTokenMs), last: clock(span.lastTokenMs) })),
  );
  const tooSlow = preemptedSpans(spans);
  const uncached = new Map(traced.map(({ index, uncachedTokens }) => [index, uncachedTokens]));
  const isolated = isolatedObservations(trace, {
    budget,
    longPrefillTokenThreshold,
    isTarget,
    firstRun,
    cachedTokens: (record, i) => record.promptTokens - (uncached.get(i) ?? record.promptTokens),
    lastTokenMs: (_, i) => spans[i]?.lastTokenMs,
  });
  const observations: Observation[] = [...isolated.observations];

  trace.records.forEach((record, i) => {
    const span = spans[i];
    if (!isTarget(record, i)) leave(loadOnly);
    else if (!span || !isComplete(record)) leave("no decode of at least one step");
    else if (tooSlow[i]) leave("decode far slower than those beside it: preempted");
    else {
      const decodes = flow.between(clock(span.firstTokenMs), clock(span.lastTokenMs));
      observations.push({
        kind: "span",
        ms: span.lastTokenMs - span.firstTokenMs,
        steps: span.steps,
        ...shareOf(prefillsDuring(prefills, span, decodes), shareOfRank, span.steps),
        promptTokens: span.promptTokens,
        share: span.steps,
        run: firstRun + i,
      });
    }
  });
  // Which rank served a request is not told, so neither is what ran beside its first token.
  if (shareOfRank === 1)
    observations.push(...serviceObservations(groups, known, budget, isTarget, leave, firstRun));
  const warnings = [
    `gaps were ${trace.records.some(({ itlMs }) => itlMs) ? "recorded of some requests only" : "not recorded"}: the fit rests on mean gaps under load, and has no step noise`,
    ...isolated.warnings,
  ];
  if (shareOfRank < 1)
    warnings.push(
      `${engines} data-parallel ranks served the trace, and it does not tell which served a request: the load is taken as spread evenly over them`,
    );
  if (!isCacheRecorded(trace) && trace.records.some((record) => record.blockIds !== undefined))
    warnings.push("cached tokens were not recorded: prompt blocks of earlier requests are taken as cached");
  return { observations, leftOut, warnings };
}

/** Prefills that ended during a decode, into its load; the one that ended with its own first token is over. */
function prefillsDuring(prefills: readonly PrefillStep[], span: DecodeSpan, decodes: WindowFlow) {
  const load = { prefillTokens: 0, prefillTokenDepth: 0, prefillSeqs: 0, ...decodes };
  const prefillSteps: PrefillStep[] = [];
  for (let i = firstAfter(prefills, span.firstTokenMs + sameStepMs); i < prefills.length; i++) {
    const prefill = prefills[i];
    if (prefill.endMs > span.lastTokenMs) break;
    load.prefillTokens += prefill.tokens;
    load.prefillTokenDepth += prefill.tokenDepth;
    load.prefillSeqs += prefill.chunks;
    prefillSteps.push(prefill);
  }
  return { load, prefillSteps };
}

/**
 * What one rank of several had of the load that all had: its own decode, its share of the others', and of the prefills.
 */
function shareOf(
  { load, prefillSteps }: Pick<Observation, "load"> & { readonly prefillSteps: readonly PrefillStep[] },
  share: number,
  ownSteps: number,
): Pick<Observation, "load" | "prefillSteps"> {
  if (share === 1) return { load, prefillSteps };
  const own = Math.min(ownSteps, load.decodeSeqs);
  const decodeSeqs = own + share * (load.decodeSeqs - own);
  const part = decodeSeqs / Math.max(load.decodeSeqs, 1);
  return {
    load: {
      prefillTokens: share * load.prefillTokens,
      prefillTokenDepth: share * load.prefillTokenDepth,
      prefillSeqs: share * load.prefillSeqs,
      decodeSeqs,
      decodeContextTokens: part * load.decodeContextTokens,
    },
    prefillSteps: prefillSteps.filter((_, i) => i % Math.round(1 / share) === 0),
  };
}

function firstAfter(prefills: readonly PrefillStep[], timeMs: Ms): number {
  let low = 0;
  let high = prefills.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (prefills[middle].endMs <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * From the scheduler to the first token. Requests whose first tokens came together shared a step; it is used when
 * they were scheduled together, fit the budget, and no other first token came in between.
 */
function serviceObservations(
  groups: readonly (readonly TracedPrefill[])[],
  spans: readonly DecodeSpan[],
  budget: Tokens,
  isTarget: RecordFilter,
  leave: (reason: string) => void,
  firstRun: number,
): Observation[] {
  const live = new LiveSpans(spans);
  return groups.flatMap((group, g): Observation[] => {
    if (!group.every(({ record, index }) => isTarget(record, index))) return [];
    const scheduled = group.flatMap((prefill) => prefill.scheduledMs ?? []);
    if (scheduled.length < group.length) {
      leave("not recorded when the request was scheduled");
      return [];
    }
    const { endMs, tokens, tokenDepth, chunks, steps } = toPrefillStep(group);
    const startMs = Math.min(...scheduled);
    const running = runningAt(live.at(endMs - sameStepMs), endMs);
    const previousMs = groups[g - 1]?.[0]?.firstTokenMs ?? Number.NEGATIVE_INFINITY;
    const together = Math.max(...scheduled) - startMs <= sameStepMs && previousMs <= startMs;
    if (!together || steps > 1 || tokens + running.decodeSeqs > budget) {
      leave("first tokens of prefills that shared several steps");
      return [];
    }
    const load = { prefillTokens: tokens, prefillTokenDepth: tokenDepth, prefillSeqs: chunks, ...running };
    const { promptTokens } = group[0].record;
    const run = firstRun + group[0].index;
    return [{ kind: "service", ms: endMs - startMs, steps: 1, load, promptTokens, share: 1, run }];
  });
}

/** Of the spans live when a step ended in which others got their first token, those that decoded in it. */
function runningAt(live: readonly DecodeSpan[], timeMs: Ms) {
  const load = { decodeSeqs: 0, decodeContextTokens: 0 };
  for (const { firstTokenMs, lastTokenMs, promptTokens, steps } of live) {
    if (firstTokenMs >= timeMs - sameStepMs) continue;
    load.decodeSeqs++;
    load.decodeContextTokens +=
      promptTokens + Math.round((steps * (timeMs - firstTokenMs)) / (lastTokenMs - firstTokenMs));
  }
  return load;
}
