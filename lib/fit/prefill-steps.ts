import type { Ms, Tokens } from "../base/index.js";
import { defaultBlockSize, type Trace, type TraceRecord } from "../trace/index.js";
import { chunkTokenDepth, lonePrefill, uncachedPromptTokens } from "./prefill-chunks.js";
import { scheduledMs } from "./scheduled-time.js";

/** A prefill that ended with a first token. */
export interface TracedPrefill {
  readonly index: number;
  readonly record: TraceRecord;
  readonly firstTokenMs: Ms;
  readonly scheduledMs: Ms | undefined;
  readonly uncachedTokens: Tokens;
  readonly tokenDepth: number;
  readonly chunks: number;
}

/** Prefills that ended in one step. */
export interface PrefillStep {
  readonly endMs: Ms;
  readonly tokens: Tokens;
  /** Tokens times depth, summed over the prefills. */
  readonly tokenDepth: number;
  /** Chunks, summed over the prefills. */
  readonly chunks: number;
  /** Steps that the prefills took: the chunks of the longest. */
  readonly steps: number;
}

/** First tokens closer than this came from one step: no engine's steps are so short under load. */
export const sameStepMs = 1;

/**
 * The prefills of a trace, in order of their first tokens. Where no record says how many tokens were cached, blocks of
 * earlier prompts are taken as cached.
 */
export function tracedPrefills(trace: Trace, budget: Tokens, threshold: Tokens): TracedPrefill[] {
  const assumedCached = isCacheRecorded(trace) ? undefined : blocksSeenBefore(trace);
  const blockSize = trace.meta.blockSize ?? defaultBlockSize;
  const prefills = trace.records.flatMap((record, index): TracedPrefill[] => {
    const { arrivalMs, ttftMs, promptTokens } = record;
    const cachedTokens = record.cachedTokens ?? (assumedCached?.[index] ?? 0) * blockSize;
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

/** True when any record says how many of its tokens were cached. */
export function isCacheRecorded(trace: Trace): boolean {
  return trace.records.some((record) => record.cachedTokens !== undefined);
}

/** Per record, how many of its leading blocks an earlier prompt had: what an unbounded prefix cache would reuse. */
function blocksSeenBefore(trace: Trace): Int32Array {
  const seen = new Uint8Array(trace.blocks.size);
  return Int32Array.from(trace.records, ({ blockIds = new Int32Array(0) }) => {
    let leading = 0;
    while (leading < blockIds.length && seen[blockIds[leading]] === 1) leading++;
    for (const id of blockIds) seen[id] = 1;
    return leading;
  });
}

/** Prefills whose first tokens came together. */
export function groupByStep(prefills: readonly TracedPrefill[]): TracedPrefill[][] {
  const groups: TracedPrefill[][] = [];
  for (const prefill of prefills) {
    const group = groups.at(-1);
    if (group && prefill.firstTokenMs - group[0].firstTokenMs < sameStepMs) group.push(prefill);
    else groups.push([prefill]);
  }
  return groups;
}

/** One step's prefills, summed. */
export function toPrefillStep(group: readonly TracedPrefill[]): PrefillStep {
  const sum = (of: (prefill: TracedPrefill) => number): number =>
    group.reduce((total, prefill) => total + of(prefill), 0);
  return {
    endMs: group[0].firstTokenMs,
    tokens: sum((prefill) => prefill.uncachedTokens),
    tokenDepth: sum((prefill) => prefill.tokenDepth),
    chunks: sum((prefill) => prefill.chunks),
    steps: Math.max(...group.map((prefill) => prefill.chunks)),
  };
}
