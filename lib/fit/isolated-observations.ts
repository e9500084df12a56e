import type { Ms, Tokens } from "../base/index.js";
import { idleArrivals, isComplete, type Trace, type TraceRecord } from "../trace/index.js";
import type { Observation, RecordFilter } from "./observation.js";
import { lonePrefill } from "./prefill-chunks.js";

/** Isolated requests below which those are taken too that only found the engine idle. */
export const leastIsolated = 8;

/** What is known of a trace's requests. */
export interface IsolatedOptions {
  /** The engine's token budget a step. */
  readonly budget: Tokens;
  readonly longPrefillTokenThreshold: Tokens;
  readonly isTarget: RecordFilter;
  /** Run of the trace's first record. */
  readonly firstRun: number;
  readonly cachedTokens: (record: TraceRecord, index: number) => Tokens;
  /** When a request's last token came; undefined where that is not known apart from the record. */
  readonly lastTokenMs: (record: TraceRecord, index: number) => Ms | undefined;
}

/**
 * TTFTs of requests that arrived at an idle engine and that nothing else delayed: overheads and the steps of one prefill.
 * A request counts when it was alone until its first token. Where fewer than eight were, one counts too whose prefill took
 * one step and that others joined only in the second half of its wait: the first of a burst. Where the trace has no
 * arrivals, one that says it was alone (`concurrency` 1) counts.
 */
export function isolatedObservations(
  trace: Trace,
  options: IsolatedOptions,
): { readonly observations: Observation[]; readonly warnings: string[] } {
  const { budget, longPrefillTokenThreshold, isTarget, firstRun, cachedTokens } = options;
  const usable = (record: TraceRecord, i: number) => isTarget(record, i) && isComplete(record);
  const prefills = trace.records.map((record, i) =>
    lonePrefill(record.promptTokens, cachedTokens(record, i), budget, longPrefillTokenThreshold),
  );
  const { alone, first } = loneRequests(trace.records, options, (i) => prefills[i].chunks === 1);
  const count = (which: readonly boolean[]) =>
    trace.records.filter((record, i) => which[i] && usable(record, i)).length;
  const takesFirst = count(alone) < leastIsolated && count(first) > 0;
  const observations = trace.records.flatMap((record, i): Observation[] => {
    if (!usable(record, i) || !(alone[i] || (takesFirst && first[i]))) return [];
    const { chunks, tokens, tokenDepth } = prefills[i];
    return [
      {
        kind: "isolated",
        ms: record.ttftMs as Ms,
        steps: chunks,
        load: {
          prefillTokens: tokens,
          prefillTokenDepth: tokenDepth,
          prefillSeqs: chunks,
          decodeSeqs: 0,
          decodeContextTokens: 0,
        },
        promptTokens: record.promptTokens,
        share: 1,
        run: firstRun + i,
      },
    ];
  });
  const warnings = takesFirst
    ? [
        `${count(alone)} requests were alone until their first token: ${count(first)} that found the engine idle, and were joined later, are taken too`,
      ]
    : [];
  return { observations, warnings };
}

/**
 * Per record: no other request was on the engine from its arrival to its first token; or it found the engine idle, and
 * others came only when its single step must have begun.
 */
function loneRequests(
  records: readonly TraceRecord[],
  { lastTokenMs }: Pick<IsolatedOptions, "lastTokenMs">,
  isOneStep: (index: number) => boolean,
): { alone: boolean[]; first: boolean[] } {
  const alone = new Array<boolean>(records.length).fill(false);
  const first = new Array<boolean>(records.length).fill(false);
  if (records.some((record) => record.arrivalMs === undefined))
    return { alone: records.map((record) => record.concurrency === 1), first };
  for (const { index, arrivalMs, nextArrivalMs } of idleArrivals(records, lastTokenMs)) {
    const { ttftMs } = records[index];
    if (ttftMs === undefined) continue;
    alone[index] = arrivalMs + ttftMs <= nextArrivalMs;
    first[index] = !alone[index] && isOneStep(index) && arrivalMs + ttftMs / 2 <= nextArrivalMs;
  }
  return { alone, first };
}
