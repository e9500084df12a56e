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
  keys: number[];
}

/**
 * Tiers behind a pool, the slow and obvious way: each is a list of keys, the oldest first; each link has a queue of loads, of
 * which it carries the first. It shares no code with lib/cache and lib/engine.
 */
export class NaiveTiers<Job> {
  readonly orders: number[][];
  /** Keys being loaded, which stay where they are. */
  readonly loading: number[] = [];
  readonly #queues: Load<Job>[][];
  readonly #endMs: (number | undefined)[];

  constructor(
    readonly tiers: readonly NaiveTier[],
    readonly chunkBlocks: number,
    readonly blockSize: number,
  ) {
    this.orders = tiers.map(() => []);
    this.#queues = tiers.map(() => []);
    this.#endMs = tiers.map(() => undefined);
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
    const wanted: number[] = [];
    for (const key of this.keys(contentIds, first, this.chunksIn(total))) {
      const tier = this.orders.findIndex((order) => order.includes(key));
      if (tier < 0) break;
      const busy = this.orders[0]!.filter((held) => this.loading.includes(held)).length;
      if (tier > 0 && busy + taken + 1 > this.tiers[0]!.chunks) break;
      taken++;
      wanted.push(key);
      const upTo = (first + taken) * size;
      tokens[tier]! += upTo - there;
      there = upTo;
    }
    if (there - found < size || Math.min(there, total - 1) <= found) return undefined;
    return wanted.some((key) => this.loading.includes(key)) ? "later" : tokens;
  }

  store(tier: number, key: number): void {
    const order = this.orders[tier]!;
    if (order.includes(key)) return;
    if (order.length === this.tiers[tier]!.chunks) {
      const victim = order.findIndex((held) => !this.loading.includes(held));
      if (victim < 0) return;
      order.splice(victim, 1);
    }
    order.push(key);
  }

  /** Computed up to here: what is full is in every tier. */
  offer(contentIds: Int32Array, from: number, tokens: number): void {
    for (const key of this.keys(contentIds, from, this.chunksIn(tokens)))
      this.tiers.forEach((_, tier) => {
        this.store(tier, key);
      });
  }

  /** The first of the chain becomes the most recent. */
  use(contentIds: Int32Array, tokens: number): void {
    for (const key of this.keys(contentIds, 0, this.chunksIn(tokens)).reverse())
      for (const order of this.orders)
        if (order.includes(key)) order.push(...order.splice(order.indexOf(key), 1));
  }

  begin(job: Job, contentIds: Int32Array, found: number, tokens: number[], nowMs: number): void {
    const there = tokens.reduce((a, b) => a + b, found);
    const keys = this.keys(contentIds, this.chunksIn(found), this.chunksIn(there));
    this.loading.push(...keys);
    for (const key of keys) {
      const from = this.orders.findIndex((order) => order.includes(key));
      for (let tier = from - 1; tier >= 0; tier--) this.store(tier, key);
    }
    this.#enqueue({ job, tokens, keys }, this.tiers.length - 1, nowMs);
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
        for (const key of load.keys) this.loading.splice(this.loading.indexOf(key), 1);
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
