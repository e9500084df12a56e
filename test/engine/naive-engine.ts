import type { EngineOptions, EngineRequest } from "../../lib/engine/index.js";
import type { StepTimer } from "../../lib/latency/index.js";
import type { NaiveTiers } from "./naive-tiers.js";

interface Block {
  content: number | undefined;
  references: number;
}

interface Job {
  index: number;
  request: EngineRequest;
  computed: number;
  emitted: number;
  blocks: Block[];
  preempted: boolean;
  decoding: boolean;
  decodingSince: number;
}

/** A request of the naive engine, for the tiers behind its pool. */
export type NaiveJob = Job;

export interface NaiveRun {
  stepEndMs: number[];
  firstStep: number[];
  lastStep: number[];
  cachedTokens: number[];
  fireMs: number[];
  preemptions: number;
  /** Tokens that the client saw, and when it gave up. */
  outputTokens: number[];
  timedOutMs: (number | undefined)[];
  /** Blocks that nobody holds at the end. */
  freeBlocks: number;
}

/** What the client puts up with. */
export interface NaiveLimit {
  timeoutMs: number;
  onTimeout: "next-turn" | "end-session";
}

/**
 * The scheduler's rules written out the slow and obvious way: every running request is visited in every step, blocks
 * are objects, the free list is an array. It shares no code with lib/engine.
 */
export function naiveEngine(
  requests: readonly EngineRequest[],
  options: EngineOptions,
  timer: StepTimer,
  limit: NaiveLimit = { timeoutMs: Number.POSITIVE_INFINITY, onTimeout: "next-turn" },
  tiers?: NaiveTiers<NaiveJob>,
): NaiveRun {
  const { blockSize, kvCacheBlocks, maxNumSeqs, maxNumBatchedTokens, longPrefillTokenThreshold } = options;
  const free: Block[] = Array.from({ length: kvCacheBlocks }, () => ({ content: undefined, references: 0 }));
  const cached = new Map<number, Block[]>();
  const run: NaiveRun = {
    stepEndMs: [],
    firstStep: requests.map(() => -1),
    lastStep: requests.map(() => -1),
    cachedTokens: requests.map(() => -1),
    fireMs: requests.map((r) => r.fireAtMs ?? Number.NaN),
    preemptions: 0,
    outputTokens: requests.map(() => 0),
    timedOutMs: requests.map(() => undefined),
    freeBlocks: kvCacheBlocks,
  };
  /** What the scheduler is told: of requests that come, and of clients that have gone. */
  const events: { atMs: number; index: number; isGone: boolean }[] = [];
  const fire = (index: number, atMs: number) => {
    const request = requests[index] as EngineRequest;
    run.fireMs[index] = atMs;
    const arrivesMs = atMs + timer.arrivalOverheadMs(request.promptTokens);
    if (arrivesMs <= atMs + limit.timeoutMs) events.push({ atMs: arrivesMs, index, isGone: false });
    if (limit.timeoutMs < Number.POSITIVE_INFINITY)
      events.push({ atMs: atMs + limit.timeoutMs, index, isGone: true });
  };
  const fireChildren = (parent: number, doneMs: number) => {
    requests.forEach(({ after }, index) => {
      if (after?.parent === parent) fire(index, doneMs + after.gapMs);
    });
  };
  requests.forEach((request, index) => {
    if (request.fireAtMs !== undefined) fire(index, request.fireAtMs);
  });
  const waiting: Job[] = [];
  const running: Job[] = [];
  /** Those that load from tiers behind the pool, and those that have and wait. */
  const loading: Job[] = [];
  const loaded: Job[] = [];
  let awaitsLoads = false;
  let nowMs = 0;

  const total = (job: Job) => job.request.promptTokens + job.emitted;
  const isDecoding = (job: Job) => job.decoding;
  const blocksFor = (tokens: number) => Math.ceil(tokens / blockSize);
  const take = (job: Job, count: number) => {
    for (let i = 0; i < count; i++) {
      const block = free.shift() as Block;
      if (block.content !== undefined) {
        const rest = (cached.get(block.content) as Block[]).filter((b) => b !== block);
        if (rest.length) cached.set(block.content, rest);
        else cached.delete(block.content);
        block.content = undefined;
      }
      block.references = 1;
      job.blocks.push(block);
    }
  };
  const register = (job: Job, computed: number) => {
    if (!options.enablePrefixCaching) return;
    for (let i = 0; i < Math.floor(computed / blockSize); i++) {
      const block = job.blocks[i] as Block;
      if (block.content !== undefined) continue;
      block.content = job.request.contentIds[i] as number;
      cached.set(block.content, [...(cached.get(block.content) ?? []), block]);
    }
  };
  /** Chunks that go into the tiers behind the pool. */
  const storable = ({ request: { promptTokens, outputTokens } }: Job, computed: number) =>
    tiers?.chunksIn(
      Math.min(computed, (options.offloadPromptOnly ?? true) ? promptTokens : promptTokens + outputTokens),
    ) ?? 0;
  const publish = (job: Job, computed: number) => {
    register(job, computed);
    tiers?.due(job, storable(job, computed));
  };
  const release = (job: Job, isPreempted = false) => {
    const idle: Block[] = [];
    if (isPreempted) tiers?.pause(job);
    else tiers?.leave(job, storable(job, job.computed));
    for (const block of [...job.blocks].reverse()) if (--block.references === 0) idle.push(block);
    free.unshift(...idle.filter((b) => b.content === undefined));
    free.push(...idle.filter((b) => b.content !== undefined));
    job.blocks = [];
  };
  const makeRoom = (job: Job, count: number): boolean => {
    while (count > free.length) {
      const victim = running.pop() as Job;
      release(victim, true);
      victim.computed = 0;
      victim.preempted = true;
      victim.decoding = false;
      waiting.unshift(victim);
      run.preemptions++;
      if (victim === job) return false;
    }
    take(job, count);
    return true;
  };

  for (;;) {
    for (;;) {
      const there = tiers?.advance(nowMs) ?? [];
      for (const job of there) {
        register(job, job.blocks.length * blockSize);
        loading.splice(loading.indexOf(job), 1);
        loaded.push(job);
      }
      if (there.length > 0) awaitsLoads = false;
      events.sort((a, b) => a.atMs - b.atMs);
      const [next] = events;
      const isIdle = running.length + waiting.length + loaded.length === 0 || awaitsLoads;
      if (isIdle && loading.length > 0 && tiers!.nextMs <= (next?.atMs ?? Number.POSITIVE_INFINITY)) {
        nowMs = Math.max(nowMs, tiers!.nextMs);
        continue;
      }
      if (!next || (next.atMs > nowMs && !isIdle)) break;
      events.shift();
      awaitsLoads = false;
      const { index, atMs, isGone } = next;
      if (!isGone) {
        nowMs = Math.max(nowMs, atMs);
        const request = requests[index] as EngineRequest;
        if (isIdle) for (let step = 0; step < 2; step++) tiers?.settle();
        const job: Job = {
          index,
          request,
          computed: 0,
          emitted: 0,
          blocks: [],
          preempted: false,
          decoding: false,
          decodingSince: -1,
        };
        tiers?.enter(job, request.contentIds);
        waiting.push(job);
        continue;
      }
      if (run.lastStep[index] !== -1) continue;
      run.timedOutMs[index] = atMs;
      for (const jobs of [waiting, running]) {
        const job = jobs.find((one) => one.index === index);
        if (!job) continue;
        jobs.splice(jobs.indexOf(job), 1);
        release(job);
      }
      if (limit.onTimeout === "next-turn") fireChildren(index, atMs);
    }
    if (running.length + waiting.length + loaded.length === 0) {
      run.freeBlocks = free.length;
      return run;
    }

    const preemptionsBefore = run.preemptions;
    const wasWriting = tiers?.isWriting ?? false;
    const decodes = running.filter(isDecoding);
    let budget = maxNumBatchedTokens - decodes.length;
    for (const job of decodes)
      if (running.includes(job)) makeRoom(job, blocksFor(job.computed + 1) - job.blocks.length);
    const cap = (tokens: number) =>
      longPrefillTokenThreshold > 0 && running.length + waiting.length + loading.length + loaded.length > 1
        ? Math.min(tokens, longPrefillTokenThreshold)
        : tokens;
    const chunks = new Map<Job, number>();
    for (const job of running.filter((j) => !isDecoding(j))) {
      if (budget <= 0 || !running.includes(job)) continue;
      const chunk = Math.min(cap(total(job) - job.computed), budget);
      if (!makeRoom(job, blocksFor(job.computed + chunk) - job.blocks.length)) break;
      chunks.set(job, chunk);
      budget -= chunk;
    }
    for (const [job, chunk] of chunks) publish(job, job.computed + chunk);
    const stillDecoding = decodes.filter((job) => running.includes(job));
    for (const job of stillDecoding) publish(job, job.computed + 1);
    const passedOver: Job[] = [];
    while (preemptionsBefore === run.preemptions && budget > 0 && running.length < maxNumSeqs) {
      const [holder] = loaded;
      if (holder) {
        const chunk = Math.min(cap(total(holder) - holder.computed), budget);
        const reserve = options.reserveFullPrompt ? total(holder) : holder.computed + chunk;
        if (blocksFor(reserve) - holder.blocks.length > free.length) break;
        loaded.shift();
        running.push(holder);
        if (!holder.preempted) run.cachedTokens[holder.index] = holder.computed;
        take(holder, Math.max(0, blocksFor(holder.computed + chunk) - holder.blocks.length));
        chunks.set(holder, chunk);
        publish(holder, holder.computed + chunk);
        budget -= chunk;
        continue;
      }
      const job = waiting.find((one) => !passedOver.includes(one));
      if (!job) break;
      const hits: Block[] = [];
      if (options.enablePrefixCaching) {
        for (let i = 0; i < Math.floor((total(job) - 1) / blockSize); i++) {
          const block = cached.get(job.request.contentIds[i] as number)?.[0];
          if (!block) break;
          hits.push(block);
        }
      }
      const computed = hits.length * blockSize;
      const lower = tiers?.lookUp(job.request.contentIds, computed, total(job));
      if (lower === "later") {
        passedOver.push(job);
        continue;
      }
      if (lower) {
        const idle = hits.filter((b) => b.references === 0).length;
        const there = lower.reduce((a, b) => a + b, computed);
        const underWay = [...running.filter((j) => !isDecoding(j)), ...loading];
        const reserved = underWay.reduce((sum, j) => sum + blocksFor(total(j)) - j.blocks.length, 0);
        if (blocksFor(total(job)) - hits.length + idle > free.length) break;
        if (blocksFor(there) - hits.length + idle > free.length - reserved) break;
        waiting.splice(waiting.indexOf(job), 1);
        for (const block of hits) {
          if (block.references++ === 0) free.splice(free.indexOf(block), 1);
          job.blocks.push(block);
        }
        take(job, blocksFor(there) - hits.length);
        job.computed = Math.min(there, total(job) - 1);
        loading.push(job);
        tiers!.begin(job, job.request.contentIds, computed, lower, nowMs);
        continue;
      }
      const chunk = Math.min(cap(total(job) - computed), budget);
      const reserve = options.reserveFullPrompt ? total(job) : computed + chunk;
      const idleHits = hits.filter((b) => b.references === 0).length;
      if (blocksFor(reserve) - hits.length + idleHits > free.length) break;
      waiting.splice(waiting.indexOf(job), 1);
      for (const block of hits) {
        if (block.references++ === 0) free.splice(free.indexOf(block), 1);
        job.blocks.push(block);
      }
      job.computed = computed;
      if (!job.preempted) run.cachedTokens[job.index] = computed;
      running.push(job);
      take(job, blocksFor(computed + chunk) - hits.length);
      chunks.set(job, chunk);
      publish(job, computed + chunk);
      budget -= chunk;
    }
    tiers?.settle();
    if (chunks.size === 0 && !running.some(isDecoding)) {
      // Preempted alone, or for what is being stored: the scheduler goes round again at once. Else all wait for what is loaded.
      awaitsLoads = preemptionsBefore === run.preemptions && !wasWriting;
      if (awaitsLoads && loading.length === 0) throw new Error("naiveEngine: all wait for one another");
      continue;
    }

    let depth = 0;
    let prefillTokens = 0;
    for (const [job, chunk] of chunks) {
      depth += ((job.computed + chunk) ** 2 - job.computed ** 2) / 2;
      prefillTokens += chunk;
    }
    nowMs += timer.stepMs({
      prefillTokens,
      prefillTokenDepth: depth,
      prefillSeqs: chunks.size,
      decodeSeqs: stillDecoding.length,
      decodeContextTokens: stillDecoding.reduce((sum, job) => sum + job.computed + 1, 0),
    });
    const step = run.stepEndMs.length;
    run.stepEndMs.push(nowMs);
    for (const [job, chunk] of chunks) job.computed += chunk;
    stillDecoding.sort((a, b) => a.decodingSince - b.decodingSince);
    const emitting = [...stillDecoding, ...[...chunks.keys()].filter((job) => job.computed === total(job))];
    for (const job of stillDecoding) job.computed++;
    // Requests that end in the same step leave in the order in which they began to decode.
    for (const job of emitting) {
      job.emitted++;
      if (!job.decoding) job.decodingSince = step;
      job.decoding = true;
      const seenMs = nowMs + timer.emissionOverheadMs();
      const isSeen = seenMs <= run.fireMs[job.index]! + limit.timeoutMs;
      if (isSeen) {
        if (run.firstStep[job.index] === -1) run.firstStep[job.index] = step;
        run.outputTokens[job.index]!++;
      }
      if (job.emitted < job.request.outputTokens) continue;
      running.splice(running.indexOf(job), 1);
      release(job);
      if (!isSeen) continue;
      run.lastStep[job.index] = step;
      fireChildren(job.index, seenMs);
    }
  }
}
