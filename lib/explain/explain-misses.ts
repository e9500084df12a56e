import { type Blocks, InputError, type Ms, type Tokens } from "../base/index.js";
import { answerReuseWords, capturedEngine, workloadChains } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { type ChosenSettings, chooseSettings, type EngineSettings } from "../settings/index.js";
import { importAssumptions } from "../trace/index.js";
import { computedTokens, firstTokenMs, forEachCacheEvent } from "./cache-events.js";
import { PromptHeads } from "./divergence.js";
import { engineResets, type LostBetween, SurvivedTimes } from "./engine-resets.js";
import { type MissCause, missCauses } from "./miss-causes.js";
import { ReplicaHistories } from "./replica-histories.js";
import {
  type MissPart,
  type PresentMiss,
  type PriorTurn,
  type RequestMisses,
  RequestWalk,
} from "./request-walk.js";

/** Every prompt token that was computed, by its cause. */
export interface MissExplanation {
  readonly promptTokens: Tokens;
  readonly cachedTokens: Tokens;
  /** Of each cause: tokens, and the requests that have any. They add up to `promptTokens - cachedTokens`. */
  readonly causes: Readonly<Record<MissCause, { readonly tokens: Tokens; readonly requests: number }>>;
  /** One a request that tells how much it found, in the order of the records. */
  readonly requests: readonly RequestMisses[];
  /** Requests that do not tell it, or were never served: they are in no number here. */
  readonly untold: number;
  /** The engine that evictions were judged by, and how each of its settings is known. */
  readonly engine: ChosenSettings;
  readonly blockTokens: Tokens;
  /** A pool of this many, of each replica where there are several, would have given up none. */
  readonly peakBlocks: Blocks;
  /** When the engine, or one of the replicas, is taken to have lost its cache, ms of the trace. */
  readonly resetsMs: readonly Ms[];
  /** What was assumed, in words for the user. */
  readonly assumptions: readonly string[];
}

/** How to explain a workload's misses. */
export interface ExplainOptions {
  /** Settings that go before those that the trace tells. */
  readonly engine?: Partial<EngineSettings>;
  /** Tokens of KV that the engine's card holds, where the trace does not tell its blocks. */
  readonly poolTokens?: Tokens;
  /** False: no turn repeats the answer before it, where no hashes tell the answer; see `planReplay`. Default true. */
  readonly answerReuse?: boolean;
  /** When each request was admitted, where it is known (a simulated run's `admittedMs`). Default: its arrival. */
  readonly admittedMs?: ArrayLike<Ms>;
}

/**
 * Why each prompt token was computed rather than found: captured, or as a replay has it. Requests are taken by the time
 * of their lookup. A block that was looked up and not found had not been sent, or was not computed yet, or had left the
 * pool, as its blocks are counted by least recent use; a block behind one that was not found shares its cause. Where the
 * records name replicas, each has a pool of its own, and what a request's own replica had not seen and another had is
 * `elsewhere`. Where a prompt is new, the part of it that stands where the turn before goes on otherwise is `diverged`, the rest `first_use`.
 * @throws InputError when no request tells how many of its tokens were found
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { explainMisses } from "prefixlab/explain";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const { promptTokens, cachedTokens, causes } = explainMisses(workload);
 * [promptTokens - cachedTokens, causes.first_use.tokens, causes.block_tail.tokens]; // → [49472, 41280, 8192]
 * ```
 */
export function explainMisses(workload: Workload, options: ExplainOptions = {}): MissExplanation {
  const { trace, sessions } = workload;
  const { records } = trace;
  if (!records.some(({ cachedTokens }) => cachedTokens !== undefined))
    throw new InputError(
      "explainMisses: the trace does not tell what was found in the cache (cached_tokens): replay it, and explain the replay",
    );
  const engine = chooseSettings({
    given: options.engine,
    captured: capturedEngine(trace.meta),
    ...(options.poolTokens !== undefined && { profile: { poolTokens: options.poolTokens } }),
  });
  const { settings, from } = engine;
  const { blockSize, kvCacheBlocks, enablePrefixCaching } = settings;
  const { answerReuse = true } = options;
  const chains = workloadChains(workload, { blockSize, answerReuse });
  const histories = new ReplicaHistories(records, chains.contentIds, chains.contentCount);
  const found: (RequestMisses | undefined)[] = new Array(records.length).fill(undefined);
  const present: (PresentMiss & { readonly replica: number })[] = [];
  const lost = histories.all.map((): LostBetween[] => []);
  const survived = histories.all.map(() => new SurvivedTimes());
  const heads = new PromptHeads();
  forEachCacheEvent(records, options.admittedMs, {
    lookup: (i, atMs) => {
      const ids = chains.contentIds[i];
      const ownIds = histories.ids[i];
      const history = histories.of(i);
      const replica = histories.replicaOf[i];
      const record = records[i];
      const { cachedTokens } = record;
      if (cachedTokens !== undefined) {
        const misses = new RequestWalk({
          record,
          index: i,
          atMs,
          ids,
          ownIds,
          known: chains.knownBlocks[i],
          blockSize,
          kvCacheBlocks,
          isOn: enablePrefixCaching,
          history,
          isElsewhere: (content) => histories.isElsewhere(content),
          survived: survived[replica],
          prior: priorOf(i),
          head: heads.versionOf(record),
          records,
        });
        found[i] = misses.walk();
        for (const miss of misses.present) present.push({ ...miss, replica });
        if (misses.lost) lost[replica].push(misses.lost);
      }
      heads.add(record, i);
      const hits = cachedTokens === undefined ? undefined : Math.floor(cachedTokens / blockSize);
      const readyMs = firstTokenMs(record);
      history.admitted(ownIds, hits, record.promptTokens / blockSize, atMs, readyMs);
      histories.sent(
        ids,
        0,
        Math.floor(readyMs === undefined ? (hits ?? 0) : record.promptTokens / blockSize),
      );
    },
    end: (i, atMs, hasEnd) => {
      const promptBlocks = records[i].promptTokens / blockSize;
      // Blocks whose content nobody knows are in the pool all the same.
      const blocks = hasEnd ? computedTokens(records[i]) / blockSize : promptBlocks;
      histories.of(i).ended(histories.ids[i], promptBlocks, blocks, atMs);
      histories.sent(chains.contentIds[i], Math.floor(promptBlocks), Math.floor(blocks));
    },
  });
  function priorOf(i: number): PriorTurn | undefined {
    const parent = sessions.parent[i];
    if (parent < 0) return undefined;
    const ids = chains.contentIds[parent];
    const computed = Math.floor(computedTokens(records[parent]) / blockSize);
    // An answer whose content nobody told stands in the next prompt all the same.
    const blocks = Math.max(computed, chains.knownBlocks[parent]);
    return { index: parent, ids, computed, blocks };
  }
  // A prefix in a slot is lost to whoever gets the slot next: what a pool would still hold tells nothing.
  const isSlots = settings.prefixReuse === "slots";
  const resetsMs = histories.all.map((_, replica) =>
    enablePrefixCaching && !isSlots ? engineResets(lost[replica], survived[replica]) : [],
  );
  for (const { part, usedMs, atMs, replica } of present) {
    if (!enablePrefixCaching) part.cause = "off";
    else if (isSlots) part.cause = "evicted_order_unknown";
    else if (resetsMs[replica].some((resetMs) => usedMs <= resetMs && resetMs <= atMs)) part.cause = "reset";
    else if (histories.all[replica].peak > kvCacheBlocks) part.cause = "evicted_order_unknown";
  }
  const requests = found.filter((misses) => misses !== undefined).map(joined);
  const assumptions = [
    ...importAssumptions(trace.meta),
    ...(chains.reuse && enablePrefixCaching ? [answerReuseWords(chains.reuse)] : []),
  ];
  if (from.kvCacheBlocks === "assumed")
    assumptions.push(
      `the trace does not tell the engine's pool: ${kvCacheBlocks} blocks of ${blockSize} tokens are assumed`,
    );
  if (from.blockSize === "assumed")
    assumptions.push(`the trace does not tell the engine's block size: ${blockSize} tokens are assumed`);
  return {
    promptTokens: sum(requests, ({ promptTokens }) => promptTokens),
    cachedTokens: sum(requests, ({ cachedTokens }) => cachedTokens),
    causes: byCause(requests),
    requests,
    untold: records.length - requests.length,
    engine,
    blockTokens: blockSize,
    peakBlocks: histories.all.reduce((most, { peak }) => Math.max(most, peak), 0),
    resetsMs: resetsMs.flat().sort((a, b) => a - b),
    assumptions,
  };
}

/** Neighbours that came to the same cause are one part. */
function joined(misses: RequestMisses): RequestMisses {
  const { parts } = misses;
  if (!parts.some(({ cause }, i) => i > 0 && parts[i - 1].cause === cause)) return misses;
  const whole: MissPart[] = [];
  for (const part of parts) {
    const last = whole[whole.length - 1];
    if (last?.cause === part.cause) whole[whole.length - 1] = { ...last, tokens: last.tokens + part.tokens };
    else whole.push(part);
  }
  return { ...misses, parts: whole };
}

function byCause(requests: readonly RequestMisses[]): MissExplanation["causes"] {
  const totals = Object.fromEntries(missCauses.map((cause) => [cause, { tokens: 0, requests: 0 }])) as Record<
    MissCause,
    { tokens: number; requests: number }
  >;
  for (const { parts } of requests)
    parts.forEach(({ cause, tokens }, i) => {
      totals[cause].tokens += tokens;
      if (!parts.slice(0, i).some((before) => before.cause === cause)) totals[cause].requests++;
    });
  return totals;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
