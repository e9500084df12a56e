import type { EngineOptions, EngineRequest } from "../../lib/engine/index.js";
import type { LatencyModel, StepTimer } from "../../lib/latency/index.js";
import type { NaiveSharedStore } from "./naive-shared-store.js";

interface Block {
  content: number | undefined;
  users: number;
}

interface Job {
  index: number;
  request: EngineRequest;
  /** Tokens whose KV is there. */
  computed: number;
  emitted: number;
  decoding: boolean;
  decodingSince: number;
  wasPreempted: boolean;
  /** Prompt tokens that another engine holds for it. */
  remote: number;
  blocks: Block[];
}

/** What a disaggregated fleet is to do. */
export interface NaiveFleet {
  requests: readonly EngineRequest[];
  decoders: number;
  prefills: number;
  options: EngineOptions;
  prefillOptions: EngineOptions;
  model: LatencyModel;
  prefillModel: LatencyModel;
  link: { tokensPerMs: number; latencyMs: number };
  /** Where each request is decoded, and prefilled if that is not there. */
  decoderOf: (index: number) => number;
  prefillOf: (index: number) => number | undefined;
  nonCachedTokens: number;
  /** What those that decode share behind their pools. */
  store?: NaiveSharedStore<NaiveJob>;
}

/** A request of the naive fleet, for a store behind its pools. */
export type NaiveJob = Job;

export interface NaiveOutcome {
  fireMs: number;
  prefill: number | undefined;
  prefillAdmittedMs: number;
  computedMs: number;
  askedMs: number;
  movedMs: number;
  foundTokens: number;
  movedTokens: number;
  cachedTokens: number;
  admittedMs: number;
  firstMs: number;
  lastMs: number;
  served: number;
}

/** One engine, the slow and obvious way: every request is looked at in every step, the free list is an array. */
class Node {
  readonly free: Block[];
  waiting: Job[] = [];
  running: Job[] = [];
  loaded: Job[] = [];
  loading: { job: Job; endMs: number; there: number; done: () => void }[] = [];
  kept: { job: Job; untilMs: number }[] = [];
  arrivals: { atMs: number; job: Job }[] = [];
  stepEndsMs: number | undefined;
  preemptions = 0;
  #chunks = new Map<Job, number>();
  #decodes: Job[] = [];
  #step = 0;
  /** Whether nothing can be done until something is loaded or comes. */
  #awaitsLoads = false;
  #cached = new Map<number, Block[]>();

  constructor(
    readonly options: EngineOptions,
    readonly timer: StepTimer,
    readonly keeps: boolean,
    readonly id: number,
    readonly store: NaiveSharedStore<Job> | undefined,
    readonly hooks: {
      asked: (job: Job, found: number, nowMs: number) => number;
      admitted: (job: Job, cached: number, nowMs: number) => void;
    },
  ) {
    this.free = Array.from({ length: options.kvCacheBlocks }, () => ({ content: undefined, users: 0 }));
  }

  #blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.options.blockSize);
  }

  #take(job: Job, count: number): void {
    for (let k = 0; k < count; k++) {
      const block = this.free.shift()!;
      if (block.content !== undefined) {
        const rest = this.#cached.get(block.content)!.filter((one) => one !== block);
        if (rest.length > 0) this.#cached.set(block.content, rest);
        else this.#cached.delete(block.content);
        block.content = undefined;
      }
      block.users = 1;
      job.blocks.push(block);
    }
  }

  /** Chunks of it that go into the store. */
  #storable({ request: { promptTokens, outputTokens } }: Job, tokens: number): number {
    const stored = (this.options.offloadPromptOnly ?? true) ? promptTokens : promptTokens + outputTokens;
    return this.store!.chunksIn(Math.min(tokens, stored));
  }

  #publish(job: Job, tokens: number): void {
    this.#register(job, tokens);
    this.store?.due(job, this.#storable(job, tokens));
  }

  #register(job: Job, tokens: number): void {
    if (!this.options.enablePrefixCaching) return;
    for (let k = 0; k < Math.floor(tokens / this.options.blockSize); k++) {
      const block = job.blocks[k]!;
      if (block.content !== undefined) continue;
      block.content = job.request.contentIds[k]!;
      this.#cached.set(block.content, [...(this.#cached.get(block.content) ?? []), block]);
    }
  }

  #release(job: Job, isPreempted = false): void {
    if (isPreempted) this.store?.pause(job);
    else this.store?.leave(job, this.#storable(job, job.computed));
    const idle = [...job.blocks].reverse().filter((block) => --block.users === 0);
    this.free.unshift(...idle.filter(({ content }) => content === undefined));
    this.free.push(...idle.filter(({ content }) => content !== undefined));
    job.blocks = [];
  }

  found(request: EngineRequest, total: number): Block[] {
    const hits: Block[] = [];
    if (!this.options.enablePrefixCaching) return hits;
    for (let k = 0; k < Math.floor((total - 1) / this.options.blockSize); k++) {
      const block = this.#cached.get(request.contentIds[k]!)?.[0];
      if (!block) break;
      hits.push(block);
    }
    return hits;
  }

  #grow(job: Job, tokens: number): boolean {
    const lacking = this.#blocksFor(tokens) - job.blocks.length;
    while (lacking > this.free.length) {
      const victim = this.running.pop()!;
      this.#release(victim, true);
      Object.assign(victim, { computed: 0, decoding: false, wasPreempted: true });
      this.waiting.unshift(victim);
      this.preemptions++;
      if (victim === job) return false;
    }
    this.#take(job, lacking);
    return true;
  }

  /** Takes in what has come, and begins a step if there is something to compute. */
  begin(nowMs: number): void {
    if (this.stepEndsMs !== undefined) return;
    for (const one of [...this.loading].sort((a, b) => a.endMs - b.endMs)) {
      if (one.endMs > nowMs) continue;
      this.loading.splice(this.loading.indexOf(one), 1);
      one.done();
      this.#awaitsLoads = false;
      this.#register(one.job, one.there);
      this.loaded.push(one.job);
    }
    for (const one of [...this.kept].sort((a, b) => a.untilMs - b.untilMs)) {
      if (one.untilMs > nowMs) continue;
      this.kept.splice(this.kept.indexOf(one), 1);
      this.#release(one.job);
    }
    this.arrivals.sort((a, b) => a.atMs - b.atMs);
    while (this.arrivals.length > 0 && this.arrivals[0]!.atMs <= nowMs) {
      const { job } = this.arrivals.shift()!;
      // Who has nothing to do when a request comes stores all first.
      const inside = this.running.length + this.waiting.length + this.loaded.length;
      if (inside === 0 || this.#awaitsLoads) this.#settleAll();
      this.#awaitsLoads = false;
      this.store?.enter(this.id, job, job.request.contentIds);
      this.waiting.push(job);
    }
    for (;;) {
      const before = this.preemptions;
      const wasWriting = this.store?.isWriting(this.id) ?? false;
      const hasWork = this.running.length + this.waiting.length + this.loaded.length > 0;
      if (hasWork) this.#compose(nowMs);
      if (this.#chunks.size > 0 || this.#decodes.length > 0) break;
      if (hasWork && (this.preemptions !== before || wasWriting)) continue;
      this.#settleAll();
      this.#awaitsLoads = hasWork;
      return;
    }
    let depth = 0;
    let prefillTokens = 0;
    for (const [job, chunk] of this.#chunks) {
      depth += ((job.computed + chunk) ** 2 - job.computed ** 2) / 2;
      prefillTokens += chunk;
    }
    this.stepEndsMs =
      nowMs +
      this.timer.stepMs({
        prefillTokens,
        prefillTokenDepth: depth,
        prefillSeqs: this.#chunks.size,
        decodeSeqs: this.#decodes.length,
        decodeContextTokens: this.#decodes.reduce((sum, job) => sum + job.computed + 1, 0),
      });
  }

  #settleAll(): void {
    for (let step = 0; step < 2; step++) this.store?.settle(this.id);
  }

  #compose(nowMs: number): void {
    const { options } = this;
    const before = this.preemptions;
    const decodes = this.running.filter(({ decoding }) => decoding);
    const total = (job: Job) => job.request.promptTokens + job.emitted;
    let budget = options.maxNumBatchedTokens - decodes.length;
    for (const job of decodes) if (this.running.includes(job)) this.#grow(job, job.computed + 1);
    const inside = () => this.running.length + this.waiting.length + this.loading.length + this.loaded.length;
    const cap = (tokens: number) =>
      Math.min(
        budget,
        options.longPrefillTokenThreshold > 0 && inside() > 1
          ? Math.min(tokens, options.longPrefillTokenThreshold)
          : tokens,
      );
    this.#chunks = new Map();
    for (const job of this.running.filter(({ decoding }) => !decoding)) {
      if (budget <= 0 || !this.running.includes(job)) continue;
      const chunk = cap(total(job) - job.computed);
      if (!this.#grow(job, job.computed + chunk)) break;
      this.#chunks.set(job, chunk);
      budget -= chunk;
    }
    for (const job of [...this.#chunks.keys()]) if (!this.running.includes(job)) this.#chunks.delete(job);
    for (const [job, chunk] of this.#chunks) this.#publish(job, job.computed + chunk);
    this.#decodes = decodes.filter((job) => this.running.includes(job));
    for (const job of this.#decodes) this.#publish(job, job.computed + 1);
    const passedOver: Job[] = [];
    while (this.preemptions === before && budget > 0 && this.running.length < options.maxNumSeqs) {
      const job = this.loaded[0] ?? this.waiting.find((one) => !passedOver.includes(one));
      if (!job) break;
      const isLoaded = job === this.loaded[0];
      const hits = isLoaded ? [] : this.found(job.request, total(job));
      const cached = isLoaded ? job.computed : hits.length * options.blockSize;
      const held = isLoaded ? job.blocks.length : hits.length;
      const idle = hits.filter(({ users }) => users === 0).length;
      const takes = (tokens: number) => Math.max(0, this.#blocksFor(tokens) - held) + idle;
      const use = () => {
        for (const block of hits) {
          if (block.users++ === 0) this.free.splice(this.free.indexOf(block), 1);
          job.blocks.push(block);
        }
      };
      const stored =
        isLoaded || job.remote > 0
          ? undefined
          : this.store?.lookUp(this.id, job.request.contentIds, cached, total(job));
      if (stored === "later") {
        passedOver.push(job);
        continue;
      }
      if (job.remote > 0 || stored) {
        const there = stored ? cached + stored : job.remote;
        const underWay = [
          ...this.running.filter(({ decoding }) => !decoding),
          ...this.loading.map(({ job: other }) => other),
        ];
        const reserved = underWay.reduce((sum, j) => sum + this.#blocksFor(total(j)) - j.blocks.length, 0);
        if (takes(total(job)) > this.free.length || takes(there) > this.free.length - reserved) break;
        this.waiting.splice(this.waiting.indexOf(job), 1);
        use();
        this.#take(job, this.#blocksFor(there) - hits.length);
        job.computed = Math.min(there, total(job) - 1);
        const load = stored
          ? this.store!.begin(job, cached, stored, nowMs)
          : { endMs: this.hooks.asked(job, cached, nowMs), done: () => {} };
        this.loading.push({ job, there, ...load });
        job.remote = 0;
        continue;
      }
      const chunk = cap(total(job) - cached);
      if (takes(options.reserveFullPrompt ? total(job) : cached + chunk) > this.free.length) break;
      if (isLoaded) this.loaded.shift();
      else this.waiting.splice(this.waiting.indexOf(job), 1);
      if (!job.wasPreempted) this.hooks.admitted(job, cached, nowMs);
      use();
      this.#take(job, Math.max(0, this.#blocksFor(cached + chunk) - job.blocks.length));
      job.computed = cached;
      this.running.push(job);
      this.#chunks.set(job, chunk);
      this.#publish(job, cached + chunk);
      budget -= chunk;
    }
    this.store?.settle(this.id);
  }

  /** The step is over: jobs that have emitted, in order, and whether each is done. */
  end(): { job: Job; isDone: boolean }[] {
    this.stepEndsMs = undefined;
    // Those that end in one step leave in the order in which they began to decode.
    const emitting = [...this.#decodes].sort((a, b) => a.decodingSince - b.decodingSince);
    for (const job of this.#decodes) job.computed++;
    for (const [job, chunk] of this.#chunks) {
      job.computed += chunk;
      if (job.computed === job.request.promptTokens + job.emitted) emitting.push(job);
    }
    this.#chunks = new Map();
    this.#decodes = [];
    this.#step++;
    return emitting.map((job) => {
      job.emitted++;
      if (!job.decoding) job.decodingSince = this.#step;
      job.decoding = true;
      const isDone = job.emitted === job.request.outputTokens;
      if (isDone) {
        this.running.splice(this.running.indexOf(job), 1);
        if (!this.keeps) this.#release(job);
        else this.kept.push({ job, untilMs: Number.POSITIVE_INFINITY });
      }
      return { job, isDone };
    });
  }

  get nextMs(): number {
    // What comes while it is in a step is seen when that ends.
    if (this.stepEndsMs !== undefined) return this.stepEndsMs;
    return Math.min(
      ...this.arrivals.map(({ atMs }) => atMs),
      ...this.loading.map(({ endMs }) => endMs),
      ...this.kept.map(({ untilMs }) => untilMs),
    );
  }
}

/**
 * Prefill and decode engines in one loop over time that goes from each thing that happens to the next, and looks at every engine
 * each time. It shares no code with lib/engine.
 */
export function naiveDisaggregation(fleet: NaiveFleet): { outcomes: NaiveOutcome[]; nodes: Node[] } {
  const { requests, decoders, prefills, link, options } = fleet;
  const nodes: Node[] = [];
  const outcomes = requests.map(
    (): NaiveOutcome => ({
      fireMs: Number.NaN,
      prefill: undefined,
      prefillAdmittedMs: Number.NaN,
      computedMs: Number.NaN,
      askedMs: Number.NaN,
      movedMs: Number.NaN,
      foundTokens: -1,
      movedTokens: -1,
      cachedTokens: -1,
      admittedMs: Number.NaN,
      firstMs: Number.NaN,
      lastMs: Number.NaN,
      served: 0,
    }),
  );
  const busyMs = Array.from({ length: decoders + prefills }, () => 0);
  for (let k = 0; k < decoders + prefills; k++) {
    const isPrefill = k >= decoders;
    nodes.push(
      new Node(
        isPrefill ? fleet.prefillOptions : options,
        (isPrefill ? fleet.prefillModel : fleet.model).timer(k),
        isPrefill,
        k,
        isPrefill ? undefined : fleet.store,
        {
          asked: (job, found, nowMs) => {
            const outcome = outcomes[job.index]!;
            const from = decoders + outcome.prefill!;
            const blocks =
              Math.ceil(job.request.promptTokens / options.blockSize) - found / options.blockSize;
            const begins = Math.max(nowMs, busyMs[from]!, busyMs[k]!);
            const endMs = begins + link.latencyMs + (blocks * options.blockSize) / link.tokensPerMs;
            busyMs[from] = endMs;
            busyMs[k] = endMs;
            Object.assign(outcome, { askedMs: nowMs, movedMs: endMs, foundTokens: found });
            outcome.movedTokens = blocks * options.blockSize;
            nodes[from]!.kept.find((one) => one.job.index === job.index)!.untilMs = endMs;
            return endMs;
          },
          admitted: (job, cached, nowMs) => {
            const outcome = outcomes[job.index]!;
            if (isPrefill) outcome.prefillAdmittedMs = nowMs;
            else outcome.admittedMs = nowMs;
            if (isPrefill || outcome.prefill === undefined) outcome.cachedTokens = cached;
          },
        },
      ),
    );
  }
  const clients: { atMs: number; does: () => void }[] = [];
  const deliver = (node: Node, index: number, request: EngineRequest, remote: number, atMs: number) =>
    node.arrivals.push({
      atMs: atMs + node.timer.arrivalOverheadMs(request.promptTokens),
      job: {
        index,
        request,
        computed: 0,
        emitted: 0,
        decoding: false,
        decodingSince: -1,
        wasPreempted: false,
        remote,
        blocks: [],
      },
    });
  const send = (index: number, atMs: number) => {
    const request = requests[index]!;
    outcomes[index]!.fireMs = atMs;
    const decoder = nodes[fleet.decoderOf(index)]!;
    const lacks =
      request.promptTokens - decoder.found(request, request.promptTokens).length * options.blockSize;
    const prefill = lacks < fleet.nonCachedTokens ? undefined : fleet.prefillOf(index);
    outcomes[index]!.prefill = prefill;
    if (prefill === undefined) deliver(decoder, index, request, 0, atMs);
    else deliver(nodes[decoders + prefill]!, index, { ...request, outputTokens: 1 }, 0, atMs);
  };
  requests.forEach(({ fireAtMs }, index) => {
    if (fireAtMs !== undefined) clients.push({ atMs: fireAtMs, does: () => send(index, fireAtMs) });
  });
  for (;;) {
    const nowMs = Math.min(...clients.map(({ atMs }) => atMs), ...nodes.map((node) => node.nextMs));
    if (nowMs === Number.POSITIVE_INFINITY) return { outcomes, nodes };
    const due = nodes.filter(({ nextMs }) => nextMs <= nowMs);
    nodes.forEach((node, k) => {
      if (node.stepEndsMs !== nowMs) return;
      for (const { job, isDone } of node.end()) {
        const { index } = job;
        const outcome = outcomes[index]!;
        const toldMs = nowMs + node.timer.emissionOverheadMs();
        if (k >= decoders) {
          outcome.computedMs = toldMs;
          const does = () =>
            deliver(
              nodes[fleet.decoderOf(index)]!,
              index,
              requests[index]!,
              requests[index]!.promptTokens,
              toldMs,
            );
          clients.push({ atMs: toldMs, does });
          continue;
        }
        if (Number.isNaN(outcome.firstMs)) outcome.firstMs = toldMs;
        if (!isDone) continue;
        outcome.lastMs = toldMs;
        outcome.served++;
        requests.forEach(({ after }, child) => {
          const atMs = toldMs + (after?.gapMs ?? 0);
          if (after?.parent === index) clients.push({ atMs, does: () => send(child, atMs) });
        });
      }
    });
    for (;;) {
      clients.sort((a, b) => a.atMs - b.atMs);
      if (clients.length === 0 || clients[0]!.atMs > nowMs) break;
      clients.shift()!.does();
    }
    // Who has nothing new does not look again.
    for (const node of nodes) if (due.includes(node) || node.nextMs <= nowMs) node.begin(nowMs);
  }
}
