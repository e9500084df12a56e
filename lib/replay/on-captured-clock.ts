import type { Ms, Tokens } from "../base/index.js";
import { type Eviction, type EvictionPolicy, evictionPolicy } from "../cache/index.js";
import { createEngine, type EngineRequest } from "../engine/index.js";
import type { StepTimer } from "../latency/index.js";
import type { Workload } from "../sessions/index.js";
import type { EngineSettings } from "../settings/index.js";
import type { TraceRecord } from "../trace/index.js";
import { workloadChains } from "./answer-reuse.js";

/** What the pool did with one block: its content can be found from now on, or no more. */
export interface PoolEvent {
  readonly kind: "stored" | "removed";
  readonly contentId: number;
}

/** What the simulated engine did on a capture's own clock. */
export interface ClockedRun {
  /** In order. With blocks that are a whole number of the trace's, content ids are ids of the trace's blocks. */
  readonly events: readonly PoolEvent[];
  /** By record; undefined for one that was not run. */
  readonly cachedTokens: readonly (Tokens | undefined)[];
  readonly queriedTokens: Tokens;
  readonly hitTokens: Tokens;
  /** Those of them that came from tiers behind the pool. */
  readonly lowerHitTokens: Tokens;
  readonly preemptions: number;
  /** Records without an arrival, or larger than the pool: left out. */
  readonly leftOut: number;
}

/**
 * Runs a capture's requests through the simulated scheduler and block pool on the capture's own clock: each request comes
 * when it came, and a step ends when the tokens that it gave came, so that nothing rests on a latency model. What is left
 * to the simulator is what it is asked for: who is admitted, which blocks are found, taken, freed, evicted and stored. Loads
 * from tiers behind the pool take the time that their links give them.
 * @param settings the engine's; with slots instead of blocks there is no pool to compare
 */
export function onCapturedClock(workload: Workload, settings: EngineSettings): ClockedRun {
  const { trace } = workload;
  const chains = workloadChains(workload, { blockSize: settings.blockSize });
  const events: PoolEvent[] = [];
  const core = createEngine(
    { ...settings, eviction: watched(evictionPolicy(settings.eviction), events) },
    untimed,
    { contentCount: chains.contentCount },
  );
  const arriving = trace.records
    .flatMap((record, index) => {
      const request = requestOf(record, chains.contentIds[index]);
      const fits = core.blocksNeeded(request.promptTokens, request.outputTokens) <= settings.kvCacheBlocks;
      return record.arrivalMs === undefined || record.promptTokens < 1 || !fits
        ? []
        : [{ index, record, request, arrivalMs: record.arrivalMs, tokenMs: tokenTimes(record) }];
    })
    .sort((a, b) => a.arrivalMs - b.arrivalMs);
  const cachedTokens = new Array<Tokens | undefined>(trace.records.length).fill(undefined);
  const running = new Map<number, { readonly at: (typeof arriving)[number]; emitted: number }>();
  let next = 0;
  let nowMs = 0;
  while (next < arriving.length || !core.isIdle || core.nextLoadMs < Number.POSITIVE_INFINITY) {
    const nextMs = arriving[next]?.arrivalMs ?? Number.POSITIVE_INFINITY;
    if (core.isIdle) nowMs = Math.max(nowMs, Math.min(nextMs, core.nextLoadMs));
    core.finishLoads(nowMs);
    for (; next < arriving.length && arriving[next].arrivalMs <= nowMs; next++) {
      const slot = core.submit(arriving[next].request, next);
      running.set(slot, { at: arriving[next], emitted: 0 });
    }
    for (const [slot, { at }] of running)
      if (isGivenUp(at.record, nowMs)) {
        core.abort(slot);
        running.delete(slot);
      }
    if (core.beginStep(nowMs) === undefined) continue;
    for (const slot of core.admitted) {
      const request = running.get(slot);
      if (request) cachedTokens[request.at.index] ??= core.cachedTokens(slot);
    }
    let endMs = Number.POSITIVE_INFINITY;
    core.endStep((slot, tokens) => {
      const request = running.get(slot);
      if (!request) return;
      request.emitted += tokens;
      endMs = Math.min(endMs, request.at.tokenMs[request.emitted - 1] ?? Number.POSITIVE_INFINITY);
    });
    for (const slot of core.finished) running.delete(slot);
    core.dropFinished();
    // A step that gave no token ended some time before the next one that did.
    if (endMs < Number.POSITIVE_INFINITY) nowMs = Math.max(nowMs, endMs);
    else nowMs = Math.max(nowMs, withinPrefill(nowMs, running.values()));
  }
  return {
    events,
    cachedTokens,
    queriedTokens: core.prefixQueryTokens,
    hitTokens: core.prefixHitTokens,
    lowerHitTokens: core.lowerHitTokens,
    preemptions: core.preemptionCount,
    leftOut: trace.records.length - arriving.length,
  };
}

/** Steps end when the capture's did: none is priced. */
const untimed: StepTimer = { stepMs: () => 1, arrivalOverheadMs: () => 0, emissionOverheadMs: () => 0 };

function requestOf(record: TraceRecord, contentIds: Int32Array): EngineRequest {
  return { promptTokens: record.promptTokens, outputTokens: Math.max(1, record.outputTokens), contentIds };
}

/** It ended without its whole answer, and its client was gone by then. */
function isGivenUp({ arrivalMs = 0, elapsedMs, ttftMs, outputTokens }: TraceRecord, nowMs: Ms): boolean {
  const isWhole = ttftMs !== undefined || outputTokens > 0;
  return !isWhole && elapsedMs !== undefined && arrivalMs + elapsedMs <= nowMs;
}

/**
 * When each token of the answer came; those that came together are spread over the gap before them. Of an answer that was
 * not streamed, evenly from arrival to end.
 */
function tokenTimes({
  arrivalMs = 0,
  ttftMs,
  itlMs,
  itlTokens,
  elapsedMs,
  outputTokens,
}: TraceRecord): Float64Array {
  const times = new Float64Array(Math.max(1, outputTokens)).fill(Number.NaN);
  const firstMs = arrivalMs + (ttftMs ?? (elapsedMs ?? 0) / times.length);
  let atMs = firstMs;
  let token = 0;
  times[token++] = firstMs;
  itlMs?.forEach((gapMs, gap) => {
    const tokens = itlTokens?.[gap] ?? 1;
    for (let k = 1; k <= tokens && token < times.length; k++) times[token++] = atMs + (gapMs * k) / tokens;
    atMs += gapMs;
  });
  const endMs = Math.max(atMs, arrivalMs + (elapsedMs ?? 0));
  const left = times.length - token;
  for (let k = 1; k <= left; k++) times[token++] = itlMs ? atMs : atMs + ((endMs - atMs) * k) / left;
  return times;
}

/** A moment before the first token of the prefill that is the next to give one: half of the way. */
function withinPrefill(
  nowMs: Ms,
  running: Iterable<{ readonly at: { readonly tokenMs: Float64Array }; readonly emitted: number }>,
): Ms {
  let firstMs = Number.POSITIVE_INFINITY;
  for (const { at, emitted } of running) firstMs = Math.min(firstMs, at.tokenMs[emitted] ?? firstMs);
  return firstMs < Number.POSITIVE_INFINITY ? nowMs + Math.max(0, firstMs - nowMs) / 2 : nowMs;
}

/** The policy, and a note of everything that it is told to store or asked to give up. */
function watched(policy: EvictionPolicy, events: PoolEvent[]): EvictionPolicy {
  return {
    name: policy.name,
    start(pool) {
      const eviction = policy.start(pool);
      const contentOf = new Int32Array(pool.capacityBlocks);
      const noted: Eviction = {
        freed: (block, contentId) => eviction.freed(block, contentId),
        reused: (block) => eviction.reused(block),
        stored(block, contentId) {
          contentOf[block] = contentId;
          events.push({ kind: "stored", contentId });
          eviction.stored?.(block, contentId);
        },
        hit: (block) => eviction.hit?.(block),
        victim() {
          const block = eviction.victim();
          events.push({ kind: "removed", contentId: contentOf[block] });
          return block;
        },
      };
      return noted;
    },
  };
}
