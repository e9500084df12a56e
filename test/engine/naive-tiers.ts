/** What a tier is made of; sizes in chunks. */
export interface NaiveTier {
  chunks: number;
  tokensPerMs: number;
  latencyMs: number;
}

/** What a load moves. */
interface Load<Job> {
  job: Job;
  /** By tier, the nearest first. */
  tokens: number[];
  pinned: { tier: number; key: number }[];
}

/** What the tiers know of a job: chunks of its chain by their place there. */
interface Known {
  contentIds: Int32Array;
  stored: number;
  due: number;
  met: Set<number>;
}

/**
 * Tiers behind a pool, the slow and obvious way: each is a list of keys, the oldest first; each link has a queue of loads, of
 * which it carries the first. It shares no code with lib/cache and lib/engine.
 */
export class NaiveTiers<Job> {
  readonly orders: number[][];
  /** Keys being loaded, which stay where they are and in each tier that they pass through. */
  readonly loading: { tier: number; key: number }[] = [];
  /** By tier, keys on their way into it: those of this step, and those of the one before. */
  readonly #writing: { key: number; isNew: boolean }[][];
  readonly #known = new Map<Job, Known>();
  #storing: Job[] = [];
  #ended: Job[] = [];
  readonly #queues: Load<Job>[][];
  readonly #endMs: (number | undefined)[];

  constructor(
    readonly tiers: readonly NaiveTier[],
    readonly chunkBlocks: number,
    readonly blockSize: number,
  ) {
    this.orders = tiers.map(() => []);
    this.#writing = tiers.map(() => []);
    this.#queues = tiers.map(() => []);
    this.#endMs = tiers.map(() => undefined);
  }

  get isWriting(): boolean {
    return this.#writing.some((keys) => keys.length > 0);
  }

  chunksIn(tokens: number): number {
    return Math.floor(tokens / (this.chunkBlocks * this.blockSize));
  }

  keys(contentIds: Int32Array, from: number, to: number): number[] {
    const keys = [];
    for (let chunk = from; chunk < to; chunk++) keys.push(contentIds[(chunk + 1) * this.chunkBlocks - 1]!);
    return keys;
  }

  /** What can be loaded after the tokens found in the pool; "later" where another request loads some of it. */
  lookUp(contentIds: Int32Array, found: number, total: number): number[] | "later" | undefined {
    const size = this.chunkBlocks * this.blockSize;
    const tokens = this.tiers.map(() => 0);
    const first = this.chunksIn(found);
    let there = found;
    let taken = 0;
    let isBusy = false;
    for (const key of this.keys(contentIds, first, this.chunksIn(total))) {
      const tier = this.orders.findIndex((order) => order.includes(key));
      if (tier < 0) break;
      const busy = this.orders[0]!.filter((held) => this.#isBusy(0, held)).length;
      if (tier > 0 && busy + taken + 1 > this.tiers[0]!.chunks) break;
      taken++;
      isBusy ||= this.#isBusy(tier, key);
      const upTo = (first + taken) * size;
      tokens[tier]! += upTo - there;
      there = upTo;
    }
    if (there - found < size || Math.min(there, total - 1) <= found) return undefined;
    return isBusy ? "later" : tokens;
  }

  enter(job: Job, contentIds: Int32Array): void {
    this.#known.set(job, { contentIds, stored: 0, due: 0, met: new Set() });
  }

  /** So many chunks will have been computed. */
  due(job: Job, chunks: number): void {
    const known = this.#known.get(job)!;
    known.due = Math.max(known.due, chunks);
    if (known.due > known.stored && !this.#storing.includes(job)) this.#storing.push(job);
  }

  pause(job: Job): void {
    this.#storing = this.#storing.filter((other) => other !== job);
    this.#known.get(job)!.due = this.#known.get(job)!.stored;
  }

  leave(job: Job, chunks: number): void {
    this.pause(job);
    const known = this.#known.get(job)!;
    known.due = Math.max(known.stored, chunks);
    this.#ended.push(job);
  }

  /** All of a step is scheduled. */
  settle(): void {
    for (const keys of this.#writing) for (const write of keys) write.isNew = false;
    this.#storing = this.#storing.filter((job) => !this.#storeAll(job));
    for (const job of this.#ended) this.#storeAll(job);
    for (const job of this.#ended) {
      const { contentIds, met } = this.#known.get(job)!;
      const places = [...met].sort((a, b) => b - a);
      for (const key of places.flatMap((at) => this.keys(contentIds, at, at + 1)))
        for (const order of this.orders)
          if (order.includes(key)) order.push(...order.splice(order.indexOf(key), 1));
    }
    this.#ended = [];
    this.#writing.forEach((keys, tier) => {
      this.#writing[tier] = keys.filter(({ isNew }) => isNew);
    });
  }

  #storeAll(job: Job): boolean {
    const known = this.#known.get(job)!;
    const { contentIds, stored, due } = known;
    const keys = this.keys(contentIds, stored, due);
    keys.forEach((key, i) => {
      if (!this.#writing[0]!.some((write) => write.key === key)) known.met.add(stored + i);
    });
    const all = this.tiers.map(({ chunks }, tier) => {
      const order = this.orders[tier]!;
      const missing = keys.filter((key) => !order.includes(key));
      const victims = order.filter((held) => !this.#isBusy(tier, held) && !keys.includes(held));
      const lacking = Math.max(0, order.length + missing.length - chunks);
      if (lacking > victims.length) return false;
      for (const victim of victims.slice(0, lacking)) order.splice(order.indexOf(victim), 1);
      order.push(...missing);
      this.#writing[tier]!.push(...missing.map((key) => ({ key, isNew: true })));
      return true;
    });
    if (!all.every(Boolean)) return false;
    known.stored = due;
    return true;
  }

  #isBusy(tier: number, key: number): boolean {
    const isLoading = this.loading.some((pin) => pin.tier === tier && pin.key === key);
    return isLoading || this.#writing[tier]!.some((write) => write.key === key);
  }

  begin(job: Job, contentIds: Int32Array, found: number, tokens: number[], nowMs: number): void {
    const there = tokens.reduce((a, b) => a + b, found);
    const [from, to] = [this.chunksIn(found), this.chunksIn(there)];
    const keys = this.keys(contentIds, from, to);
    const known = this.#known.get(job)!;
    for (let at = from; at < to; at++) known.met.add(at);
    known.stored = to;
    known.due = to;
    const pinned = keys.flatMap((key) =>
      this.orders.flatMap((order, tier) => (order.includes(key) ? [{ tier, key }] : [])),
    );
    this.loading.push(...pinned);
    for (const key of keys) {
      const holder = this.orders.findIndex((order) => order.includes(key));
      for (let tier = holder - 1; tier >= 0; tier--) {
        if (!this.#promote(tier, key)) continue;
        pinned.push({ tier, key });
        this.loading.push(pinned.at(-1)!);
      }
    }
    this.#enqueue({ job, tokens, pinned }, this.tiers.length - 1, nowMs);
  }

  /** A key on its way to the pool stays in each tier that it passes through, if that has room. */
  #promote(tier: number, key: number): boolean {
    const order = this.orders[tier]!;
    if (order.length === this.tiers[tier]!.chunks) {
      const victim = order.findIndex((held) => !this.#isBusy(tier, held));
      if (victim < 0) return false;
      order.splice(victim, 1);
    }
    order.push(key);
    return true;
  }

  get nextMs(): number {
    return Math.min(...this.#endMs.map((ms) => ms ?? Number.POSITIVE_INFINITY));
  }

  /** Lets the links carry until then; jobs whose loads are there, in order. */
  advance(toMs: number): Job[] {
    const there: Job[] = [];
    for (;;) {
      const link = this.#endMs.findIndex((ms) => ms !== undefined && ms === this.nextMs && ms <= toMs);
      if (link < 0) return there;
      const endMs = this.#endMs[link]!;
      const load = this.#queues[link]!.shift()!;
      this.#endMs[link] = undefined;
      this.#startNext(link, endMs);
      const more = load.tokens.slice(0, link).length > 0;
      if (more) this.#enqueue(load, link - 1, endMs);
      else {
        for (const pin of load.pinned) this.loading.splice(this.loading.indexOf(pin), 1);
        there.push(load.job);
      }
    }
  }

  #enqueue(load: Load<Job>, from: number, nowMs: number): void {
    let link = from;
    while (link > 0 && this.#carried(load, link) === 0) link--;
    this.#queues[link]!.push(load);
    if (this.#queues[link]!.length === 1) this.#startNext(link, nowMs);
  }

  #startNext(link: number, nowMs: number): void {
    const load = this.#queues[link]![0];
    if (!load) return;
    const { tokensPerMs, latencyMs } = this.tiers[link]!;
    this.#endMs[link] = nowMs + (latencyMs + this.#carried(load, link) / tokensPerMs);
  }

  #carried(load: Load<Job>, link: number): number {
    return load.tokens.slice(link).reduce((a, b) => a + b, 0);
  }
}
