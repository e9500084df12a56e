import { type Ms, wholeMicros } from "../../base/index.js";
import { counterNames } from "../../trace/files/index.js";
import type { EngineCounters } from "../../trace/index.js";
import { engineCounters, isMetricsText, pageText } from "../wire/index.js";
import { BlockNames } from "./block-names.js";
import type { EngineEventBatch } from "./kv-event-batch.js";
import { type EventSubscription, subscribeEvents } from "./subscribe-events.js";
import { type CaptureStart, ViewWriter } from "./view-writer.js";

/** What of an engine is watched, and where that is written. */
export interface EngineWatchOptions {
  /** The trace; the view is written beside it. */
  readonly traceOut: string;
  /** Tokens a block of the trace's fingerprints, and their key. */
  readonly blockSize: number;
  readonly fingerprintKey?: Uint8Array | undefined;
  /** The engine's metrics page. */
  readonly metricsUrl?: string | undefined;
  /** It was asked for: where it is not there, that is a problem. */
  readonly needsMetrics?: boolean;
  /** Where the engine publishes its KV events. */
  readonly kvEvents?: string | undefined;
  /** From one look at the counters to the next. Default 5,000. */
  readonly everyMs?: Ms;
}

/** What a watch has seen. */
export interface WatchCounts {
  readonly snapshots: number;
  readonly batches: number;
  readonly missedBatches: number;
  readonly storedBlocks: number;
  readonly removedBlocks: number;
  /** Lines that could not be written. */
  readonly lostLines: number;
}

/** A watch under way. */
export interface EngineWatch {
  readonly counts: WatchCounts;
  /** The capture's clock begins; what was seen before stands before it. Until then nothing is written. */
  begin(start: CaptureStart): void;
  /** Looks once more, and resolves when everything is written. */
  close(): Promise<void>;
}

/** Longest wait for the metrics page. */
const PAGE_TIMEOUT_MS: Ms = 4_000;
/** What an engine says at the end of its last step is on its way that long. */
const LAST_EVENTS_MS: Ms = 150;

/**
 * Watches an engine beside its traffic: looks at its counters every few seconds and listens to what its prefix cache stores
 * and removes. Tokens in events are fingerprinted under the trace's key and forgotten; they are never written.
 * @throws InputError when the events' address is none, or what reads them is not installed
 */
export async function watchEngine(
  options: EngineWatchOptions,
  onProblem: (message: string) => void,
): Promise<EngineWatch> {
  const watch = new Watch(options, onProblem);
  await watch.start();
  return watch;
}

class Watch implements EngineWatch {
  readonly #options: EngineWatchOptions;
  readonly #onProblem: (message: string) => void;
  readonly #writer: ViewWriter;
  readonly #names: BlockNames;
  readonly #nextSequence = new Map<number, number>();
  #events: EventSubscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #last = "";
  #saidUnreadable = false;
  #counts = { snapshots: 0, batches: 0, missedBatches: 0, storedBlocks: 0, removedBlocks: 0 };

  constructor(options: EngineWatchOptions, onProblem: (message: string) => void) {
    this.#options = options;
    this.#onProblem = onProblem;
    this.#writer = new ViewWriter(options.traceOut, onProblem);
    this.#names = new BlockNames({ blockSize: options.blockSize, key: options.fingerprintKey });
  }

  get counts(): WatchCounts {
    return { ...this.#counts, lostLines: this.#writer.lostLines };
  }

  async start(): Promise<void> {
    const { kvEvents, metricsUrl, everyMs = 5_000 } = this.#options;
    if (kvEvents !== undefined)
      this.#events = await subscribeEvents(kvEvents, {
        onBatch: (batch) => this.#batch(batch),
        onProblem: this.#onProblem,
      });
    if (metricsUrl === undefined) return;
    this.#timer = setInterval(() => this.#look(), everyMs);
    // Not waited for: a server that is slow to answer delays no capture.
    void this.#look();
  }

  begin(start: CaptureStart): void {
    const { blockSize, fingerprintKey, metricsUrl, kvEvents } = this.#options;
    this.#writer.begin(start, {
      schema: 1,
      block_size: blockSize,
      fingerprint: fingerprintKey ? "hmac-sha256" : "fnv1a64",
      metrics: metricsUrl !== undefined,
      kv_events: kvEvents !== undefined,
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#events) await new Promise((resolve) => setTimeout(resolve, LAST_EVENTS_MS));
    await this.#events?.close();
    if (this.#options.metricsUrl !== undefined) {
      await this.#looking;
      // A page that never answered will not now.
      if (this.#counts.snapshots > 0) await this.#look();
    }
    const { batches, snapshots, missedBatches } = this.#counts;
    if (this.#options.kvEvents !== undefined && batches === 0)
      this.#onProblem(
        `no KV event came from ${this.#options.kvEvents}: is the engine started with --kv-events-config, and does it bind that address? vLLM binds ipc:// addresses and tcp://*:PORT; to tcp://HOST:PORT it connects: then put bind: before the address`,
      );
    if (snapshots > 0 || batches > 0)
      this.#writer.add(() => ({ end: { snapshots, batches, missed_batches: missedBatches } }));
    await this.#writer.close();
  }

  #look(): Promise<void> {
    this.#looking ??= this.#snapshot().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #snapshot(): Promise<void> {
    const { metricsUrl = "", needsMetrics = false } = this.#options;
    const page = await metricsPage(metricsUrl);
    const atUnixMs = nowUnixMs();
    const counters = page === undefined || !isMetricsText(page) ? undefined : engineCounters(page);
    if (!counters) {
      // A server that is not up yet may have one later.
      if (needsMetrics && !this.#saidUnreadable)
        this.#onProblem(
          `${metricsUrl}: ${page === undefined ? "does not answer" : "has no counters of a known engine"}; asked again every few seconds`,
        );
      this.#saidUnreadable = true;
      return;
    }
    const wire = countersToWire(counters);
    const text = JSON.stringify(wire);
    if (text === this.#last) return;
    this.#last = text;
    this.#counts.snapshots++;
    this.#writer.add((startUnixMs) => ({ at_ms: wholeMicros(atUnixMs - startUnixMs), counters: wire }));
  }

  #batch(batch: EngineEventBatch): void {
    const atUnixMs = nowUnixMs();
    const { sequence, rank, sentUnixMs } = batch;
    const expected = this.#nextSequence.get(rank ?? 0);
    this.#nextSequence.set(rank ?? 0, sequence + 1);
    if (expected !== undefined && sequence > expected) this.#counts.missedBatches += sequence - expected;
    // An engine that counts from the start again is a new one, whose cache is empty.
    const isNew = expected !== undefined && sequence < expected;
    if (isNew) this.#names.clear();
    const named = batch.events.map((event) => this.#names.named(event));
    for (const event of named) {
      if ("stored" in event) this.#counts.storedBlocks += event.stored.length;
      if ("removed" in event) this.#counts.removedBlocks += event.removed.length;
    }
    this.#counts.batches++;
    this.#writer.add((startUnixMs) => ({
      at_ms: wholeMicros(atUnixMs - startUnixMs),
      ...(sentUnixMs !== undefined && { sent_ms: wholeMicros(sentUnixMs - startUnixMs) }),
      seq: sequence,
      ...(rank !== undefined && { rank }),
      events: isNew ? [{ cleared: true }, ...named] : named,
    }));
  }
}

function countersToWire(counters: EngineCounters): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters).map(([counter, value]) => [
      counterNames[counter as keyof EngineCounters],
      value,
    ]),
  );
}

/** The page's text; undefined when it does not answer in time, or with no page. */
async function metricsPage(url: string): Promise<string | undefined> {
  try {
    return await pageText(await fetch(url, { signal: AbortSignal.timeout(PAGE_TIMEOUT_MS) }));
  } catch {
    // Not there, or not now.
    return undefined;
  }
}

/** The wall clock with parts of a millisecond; the same in every thread of the process. */
function nowUnixMs(): number {
  return performance.timeOrigin + performance.now();
}
