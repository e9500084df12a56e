/** What the store knows of a job: chunks of its chain by their place there. */
interface Known {
  owner: number;
  contentIds: Int32Array;
  stored: number;
  due: number;
  met: Set<number>;
}

/**
 * A store that engines share, the slow and obvious way: one list of keys, the oldest first. Engines are numbers; each has a link that
 * carries one load at a time. It shares no code with lib/cache and lib/engine.
 */
export class NaiveSharedStore<Job> {
  readonly order: number[] = [];
  readonly loading: { key: number; owner: number }[] = [];
  #writing: { key: number; owner: number; isNew: boolean }[] = [];
  readonly #known = new Map<Job, Known>();
  readonly #storing = new Map<number, Job[]>();
  readonly #ended = new Map<number, Job[]>();
  readonly #linkFreeMs = new Map<number, number>();

  constructor(
    readonly chunks: number,
    readonly chunkTokens: number,
    readonly blockSize: number,
    readonly link: { tokensPerMs: number; latencyMs: number },
  ) {}

  isWriting(owner: number): boolean {
    return this.#writing.some((write) => write.owner === owner);
  }

  chunksIn(tokens: number): number {
    return Math.floor(tokens / this.chunkTokens);
  }

  #keys(contentIds: Int32Array, from: number, to: number): number[] {
    const blocks = this.chunkTokens / this.blockSize;
    return Array.from({ length: Math.max(0, to - from) }, (_, k) => contentIds[(from + k + 1) * blocks - 1]!);
  }

  enter(owner: number, job: Job, contentIds: Int32Array): void {
    this.#known.set(job, { owner, contentIds, stored: 0, due: 0, met: new Set() });
  }

  /** Tokens that can be loaded after those found in the pool; "later" where this engine reads or writes some of them. */
  lookUp(owner: number, contentIds: Int32Array, found: number, total: number): number | "later" | undefined {
    const first = this.chunksIn(found);
    let there = found;
    let isBusy = false;
    for (const [k, key] of this.#keys(contentIds, first, this.chunksIn(total)).entries()) {
      const isOthers = this.#writing.some((write) => write.key === key && write.owner !== owner);
      if (!this.order.includes(key) || isOthers) break;
      isBusy ||= [...this.loading, ...this.#writing].some((one) => one.key === key && one.owner === owner);
      there = (first + k + 1) * this.chunkTokens;
    }
    if (there - found < this.chunkTokens || Math.min(there, total - 1) <= found) return undefined;
    return isBusy ? "later" : there - found;
  }

  /** @returns when the load is there, and what to do then */
  begin(job: Job, found: number, tokens: number, nowMs: number): { endMs: number; done: () => void } {
    const known = this.#known.get(job)!;
    const [from, to] = [this.chunksIn(found), this.chunksIn(found + tokens)];
    const pins = this.#keys(known.contentIds, from, to).map((key) => ({ key, owner: known.owner }));
    for (let at = from; at < to; at++) known.met.add(at);
    known.stored = to;
    known.due = to;
    this.loading.push(...pins);
    const begins = Math.max(nowMs, this.#linkFreeMs.get(known.owner) ?? 0);
    const endMs = begins + (this.link.latencyMs + tokens / this.link.tokensPerMs);
    this.#linkFreeMs.set(known.owner, endMs);
    const done = () => {
      for (const pin of pins) this.loading.splice(this.loading.indexOf(pin), 1);
    };
    return { endMs, done };
  }

  due(job: Job, chunks: number): void {
    const known = this.#known.get(job)!;
    known.due = Math.max(known.due, chunks);
    const storing = this.#listOf(this.#storing, known.owner);
    if (known.due > known.stored && !storing.includes(job)) storing.push(job);
  }

  pause(job: Job): void {
    const known = this.#known.get(job)!;
    const storing = this.#listOf(this.#storing, known.owner);
    if (storing.includes(job)) storing.splice(storing.indexOf(job), 1);
    known.due = known.stored;
  }

  leave(job: Job, chunks: number): void {
    this.pause(job);
    const known = this.#known.get(job)!;
    known.due = Math.max(known.stored, chunks);
    this.#listOf(this.#ended, known.owner).push(job);
  }

  /** All of an engine's step is scheduled. */
  settle(owner: number): void {
    const mine = (write: { owner: number }) => write.owner === owner;
    for (const write of this.#writing) if (mine(write)) write.isNew = false;
    const storing = this.#listOf(this.#storing, owner).splice(0);
    const ended = this.#listOf(this.#ended, owner).splice(0);
    this.#listOf(this.#storing, owner).push(...storing.filter((job) => !this.#storeAll(job)));
    for (const job of ended) this.#storeAll(job);
    for (const job of ended) {
      const { contentIds, met } = this.#known.get(job)!;
      for (const at of [...met].sort((a, b) => b - a))
        for (const key of this.#keys(contentIds, at, at + 1))
          if (this.order.includes(key)) this.order.push(...this.order.splice(this.order.indexOf(key), 1));
    }
    this.#writing = this.#writing.filter((write) => !mine(write) || write.isNew);
  }

  #storeAll(job: Job): boolean {
    const known = this.#known.get(job)!;
    const { owner, contentIds, stored, due } = known;
    const keys = this.#keys(contentIds, stored, due);
    keys.forEach((key, k) => {
      if (!this.#writing.some((write) => write.key === key)) known.met.add(stored + k);
    });
    const missing = keys.filter((key) => !this.order.includes(key));
    const isBusy = (key: number) => [...this.loading, ...this.#writing].some((one) => one.key === key);
    const victims = this.order.filter((held) => !isBusy(held) && !keys.includes(held));
    const lacking = Math.max(0, this.order.length + missing.length - this.chunks);
    if (lacking > victims.length) return false;
    for (const victim of victims.slice(0, lacking)) this.order.splice(this.order.indexOf(victim), 1);
    this.order.push(...missing);
    this.#writing.push(...missing.map((key) => ({ key, owner, isNew: true })));
    known.stored = due;
    return true;
  }

  #listOf(lists: Map<number, Job[]>, owner: number): Job[] {
    const list = lists.get(owner) ?? [];
    lists.set(owner, list);
    return list;
  }
}
