import { arrivalsInspection, type RangedQuantity } from "../cohorts/index.js";
import { type BlockTable, isAnswered, type TraceRecord } from "../trace/index.js";
import { DistinctCounter } from "./distinct-counter.js";
import { QuantileSketch, type QuantileSketchState } from "./quantile-sketch.js";

/** Sums over records. */
interface Sums {
  requests: number;
  completed: number;
  arrivals: number;
  hashed: number;
  blocks: number;
  promptTokens: number;
  cachedTokens: number;
  withHit: number;
}

/** What {@link TraceTotals} holds, as plain data; times are undefined without an arrival. */
export interface TraceTotalsState {
  readonly sums: Readonly<Sums>;
  readonly firstMs?: number;
  readonly lastMs?: number;
  readonly registers: Uint8Array;
  readonly finishReasons: readonly (readonly [string, number])[];
  readonly ranges: readonly (readonly [string, QuantileSketchState])[];
}

/** Running counts and sketches over the records of a part of a trace, or of several. */
export class TraceTotals {
  readonly #sums: Sums = {
    requests: 0,
    completed: 0,
    arrivals: 0,
    hashed: 0,
    blocks: 0,
    promptTokens: 0,
    cachedTokens: 0,
    withHit: 0,
  };
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  readonly #distinct = new DistinctCounter();
  readonly #finishReasons = new Map<string, number>();
  readonly #ranges: Readonly<Record<RangedQuantity, QuantileSketch>> = {
    promptTokens: new QuantileSketch(),
    outputTokens: new QuantileSketch(),
    cachedTokens: new QuantileSketch(),
    ttftMs: new QuantileSketch(),
    itlMs: new QuantileSketch(),
    concurrency: new QuantileSketch(),
  };
  /** By block id: 1 where the counter has it already. */
  #counted = new Uint8Array(1024);
  #generation = 0;

  /** @param blocks the table of the record's block ids: the same one always, which may be emptied meanwhile */
  add(record: TraceRecord, blocks: BlockTable): void {
    const ranges = this.#ranges;
    const sums = this.#sums;
    sums.requests++;
    if (isAnswered(record)) sums.completed++;
    if (record.arrivalMs !== undefined) {
      sums.arrivals++;
      this.#firstMs = Math.min(this.#firstMs, record.arrivalMs);
      this.#lastMs = Math.max(this.#lastMs, record.arrivalMs);
    }
    ranges.promptTokens.add(record.promptTokens);
    ranges.outputTokens.add(record.outputTokens);
    if (record.ttftMs !== undefined) ranges.ttftMs.add(record.ttftMs);
    if (record.concurrency !== undefined) ranges.concurrency.add(record.concurrency);
    if (record.itlMs) for (const gapMs of record.itlMs) ranges.itlMs.add(gapMs);
    if (record.cachedTokens !== undefined) {
      ranges.cachedTokens.add(record.cachedTokens);
      sums.promptTokens += record.promptTokens;
      sums.cachedTokens += record.cachedTokens;
      if (record.cachedTokens > 0) sums.withHit++;
    }
    if (record.blockIds) {
      sums.hashed++;
      sums.blocks += record.blockIds.length;
      this.#countBlocks(record.blockIds, blocks);
    }
    const reason = record.finishReason ?? "not recorded";
    this.#finishReasons.set(reason, (this.#finishReasons.get(reason) ?? 0) + 1);
  }

  #countBlocks(ids: Int32Array, blocks: BlockTable): void {
    if (blocks.generation !== this.#generation) {
      this.#generation = blocks.generation;
      this.#counted.fill(0);
    }
    if (blocks.size > this.#counted.length) {
      const larger = new Uint8Array(2 * blocks.size);
      larger.set(this.#counted);
      this.#counted = larger;
    }
    for (let d = 0; d < ids.length; d++) {
      const id = ids[d];
      if (this.#counted[id] === 1) continue;
      this.#counted[id] = 1;
      this.#distinct.add(blocks.high(id), blocks.low(id));
    }
  }

  state(): TraceTotalsState {
    return {
      sums: this.#sums,
      ...(this.#sums.arrivals > 0 && { firstMs: this.#firstMs, lastMs: this.#lastMs }),
      registers: this.#distinct.registers,
      finishReasons: [...this.#finishReasons],
      ranges: Object.entries(this.#ranges).map(([name, sketch]) => [name, sketch.state()]),
    };
  }

  /** Adds what the records of another part came to. */
  merge(state: TraceTotalsState): void {
    for (const name of Object.keys(this.#sums) as (keyof Sums)[]) this.#sums[name] += state.sums[name];
    this.#firstMs = Math.min(this.#firstMs, state.firstMs ?? Number.POSITIVE_INFINITY);
    this.#lastMs = Math.max(this.#lastMs, state.lastMs ?? Number.NEGATIVE_INFINITY);
    this.#distinct.merge(new DistinctCounter(state.registers));
    for (const [reason, count] of state.finishReasons)
      this.#finishReasons.set(reason, (this.#finishReasons.get(reason) ?? 0) + count);
    for (const [name, sketch] of state.ranges)
      this.#ranges[name as RangedQuantity].merge(QuantileSketch.restore(sketch));
  }

  /** Their part of a `TraceInspection`. */
  inspection(blockSize: number) {
    const ranges = Object.entries(this.#ranges).flatMap(([name, sketch]) => {
      const range = sketch.range();
      return range ? [[name, range] as const] : [];
    });
    const { requests, completed, arrivals, hashed, blocks, promptTokens, cachedTokens, withHit } = this.#sums;
    const distinct = Math.min(blocks, this.#distinct.estimate());
    return {
      requests,
      completed,
      censored: requests - completed,
      ...arrivalsInspection(arrivals, this.#firstMs, this.#lastMs),
      ranges: Object.fromEntries(ranges),
      sharing: {
        hashedRequests: hashed,
        blockSize,
        blocks,
        distinctBlocks: distinct,
        // A block is new the first time that a prompt holds it, and was in an earlier prompt ever after.
        ...(blocks > 0 && { unboundedHitFraction: 1 - distinct / blocks }),
        ...(promptTokens > 0 && { recordedCachedFraction: cachedTokens / promptTokens }),
        requestsWithHit: withHit,
      },
      finishReasons: Object.fromEntries(this.#finishReasons),
    };
  }
}
