import { type Blocks, InputError, type Ms, type Tokens } from "../base/index.js";
import { capturedEngine, poolChains, sequenceBlocks } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { type ChosenSettings, chooseSettings, type EngineSettings } from "../settings/index.js";
import { decodeMs, defaultBlockSize, type TraceRecord } from "../trace/index.js";
import { type Divergence, describeDivergence, PromptHeads } from "./divergence.js";
import { engineResets, type ReuseAcross } from "./engine-resets.js";
import { type MissCause, missCauses } from "./miss-causes.js";
import { Recency } from "./recency.js";

/** A run of prompt tokens that were computed for one cause. */
export interface MissPart {
  readonly cause: MissCause;
  /** From the prompt's start. */
  readonly fromToken: Tokens;
  readonly tokens: Tokens;
  /** Evicted: a pool with so many blocks more would still have held all of them. */
  readonly blocksShort?: Blocks;
  /** Evicted, reset: since it was last used. */
  readonly idleMs?: Ms;
  /** Diverged: the request (index of its record) that goes on in another form. */
  readonly from?: number;
  /** Diverged: where and how. */
  readonly divergence?: Divergence;
}

/** A request's misses. */
export interface RequestMisses {
  /** Index of the record. */
  readonly index: number;
  readonly promptTokens: Tokens;
  readonly cachedTokens: Tokens;
  /** In the order of the prompt; they add up to `promptTokens - cachedTokens`. */
  readonly parts: readonly MissPart[];
}

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
  /** A pool of this many would have given up none. */
  readonly peakBlocks: Blocks;
  /** When the engine is taken to have lost its cache, ms of the trace. */
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
  /** When each request was admitted, where it is known (a simulated run's `admittedMs`). Default: its arrival. */
  readonly admittedMs?: ArrayLike<Ms>;
}

/**
 * Why each prompt token was computed rather than found: captured, or as a replay has it. Requests are taken by the time
 * of their lookup. A block that was looked up and not found had not been sent, or was not computed yet, or had left the
 * pool, as its blocks are counted by least recent use; a block behind one that was not found shares its cause. Where a
 * prompt is new, the part of it that stands where the turn before goes on otherwise is `diverged`, the rest `first_use`.
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
  const traceBlockSize = trace.meta.blockSize ?? defaultBlockSize;
  const sequences = sequenceBlocks(trace, sessions.parent, traceBlockSize);
  const chains = poolChains(trace, sequences, traceBlockSize, blockSize);
  const history = new BlockHistory(chains.contentCount);
  const knownBlocks = (i: number) => Math.floor((sequences[i].length * traceBlockSize) / blockSize);

  const found: (RequestMisses | undefined)[] = new Array(records.length).fill(undefined);
  const present: PresentMiss[] = [];
  const reuses: ReuseAcross[] = [];
  const heads = new PromptHeads();
  for (const event of eventsOf(records, options.admittedMs)) {
    const i = event.index;
    const ids = chains.contentIds[i];
    const known = knownBlocks(i);
    const record = records[i];
    if (event.isLookup) {
      if (record.cachedTokens !== undefined) {
        const misses = new RequestWalk({
          record,
          index: i,
          atMs: event.atMs,
          ids,
          known,
          blockSize,
          kvCacheBlocks,
          isOn: enablePrefixCaching,
          history,
          prior: priorOf(i),
          head: heads.versionOf(record),
          records,
        });
        found[i] = misses.walk();
        present.push(...misses.present);
        reuses.push(...misses.reuses);
      }
      heads.add(record, i);
      history.admitted(ids, record.promptTokens / blockSize, event.atMs, firstTokenMs(record));
    }
    // Blocks whose content nobody knows are in the pool all the same.
    if (!event.isLookup || !event.hasEnd) {
      const promptBlocks = record.promptTokens / blockSize;
      const blocks = event.hasEnd ? computedTokens(record) / blockSize : promptBlocks;
      history.ended(ids, promptBlocks, blocks, event.atMs);
    }
  }
  function priorOf(i: number): PriorTurn | undefined {
    const parent = sessions.parent[i];
    if (parent < 0) return undefined;
    const ids = chains.contentIds[parent];
    const computed = Math.floor(computedTokens(records[parent]) / blockSize);
    // An answer whose content nobody told stands in the next prompt all the same.
    const blocks = Math.max(computed, Math.min(knownBlocks(parent), ids.length));
    return { index: parent, ids, computed, blocks };
  }
  // A prefix in a slot is lost to whoever gets the slot next: what a pool would still hold tells nothing.
  const isSlots = settings.prefixReuse === "slots";
  const resetsMs = enablePrefixCaching && !isSlots ? engineResets(reuses) : [];
  const canEvict = history.peak > kvCacheBlocks;
  const settle = (miss: PresentMiss): MissCause => {
    if (!enablePrefixCaching) return "off";
    if (isSlots) return "evicted_order_unknown";
    if (resetsMs.some((atMs) => miss.usedMs <= atMs && atMs <= miss.atMs)) return "reset";
    return canEvict ? "evicted_order_unknown" : "unexplained";
  };
  const causeOf = new Map(present.map((miss) => [miss.part, settle(miss)]));
  const requests = found.flatMap((misses) =>
    misses === undefined
      ? []
      : [
          {
            ...misses,
            parts: merged(misses.parts.map((part) => ({ ...part, cause: causeOf.get(part) ?? part.cause }))),
          },
        ],
  );
  const assumptions: string[] = [];
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
    peakBlocks: history.peak,
    resetsMs,
    assumptions,
  };
}

/** A miss on a block that should have been found: what it is depends on the whole trace. */
interface PresentMiss {
  readonly part: MissPart;
  readonly usedMs: Ms;
  readonly atMs: Ms;
}

interface WalkOptions {
  readonly record: TraceRecord;
  readonly index: number;
  readonly atMs: Ms;
  readonly ids: Int32Array;
  /** Leading blocks of `ids` whose content the trace tells. */
  readonly known: Blocks;
  readonly blockSize: Tokens;
  readonly kvCacheBlocks: Blocks;
  readonly isOn: boolean;
  readonly history: BlockHistory;
  readonly prior: PriorTurn | undefined;
  /** An earlier request whose system prompt and tools are another version of this one's, and how long they are. */
  readonly head: { readonly index: number; readonly tokens: Tokens } | undefined;
  readonly records: readonly TraceRecord[];
}

/** The turn before. */
interface PriorTurn {
  readonly index: number;
  /** Of its prompt and answer: content ids, those blocks that it computed, and all that a next turn may go on from. */
  readonly ids: Int32Array;
  readonly computed: Blocks;
  readonly blocks: Blocks;
}

/** Goes through one prompt behind what was found. */
class RequestWalk {
  readonly present: PresentMiss[] = [];
  readonly reuses: ReuseAcross[] = [];
  readonly #o: WalkOptions;
  readonly #parts: MissPart[] = [];
  #at: Tokens;

  constructor(options: WalkOptions) {
    this.#o = options;
    this.#at = Math.min(options.record.cachedTokens as Tokens, options.record.promptTokens);
  }

  walk(): RequestMisses {
    const { record, index, ids, known, blockSize, history, isOn } = this.#o;
    const promptTokens = Math.max(record.promptTokens, 0);
    const cachedTokens = this.#at;
    const lookedUp = Math.max(0, Math.floor((promptTokens - 1) / blockSize));
    const firstMissed = Math.floor(cachedTokens / blockSize);
    for (let k = 0; k < Math.min(firstMissed, known); k++) this.#reuse(ids[k], true);
    let cause: MissPart | undefined;
    let k = firstMissed;
    for (; k < Math.min(lookedUp, known); k++) {
      const content = ids[k];
      const readyMs = history.readyMs(content);
      if (readyMs === undefined) break;
      const own = this.#causeOf(content, readyMs);
      if (isOn && !cause) this.#reuse(content, own.cause !== "unexplained");
      if (own.cause === "unexplained" && !cause && this.#isSupposedAnswer(k)) {
        this.#addDiverged(k, (this.#o.prior as PriorTurn).index, k + 1);
        cause = this.#parts[this.#parts.length - 1];
        continue;
      }
      // Behind a block that is not there nothing is looked up.
      const isBehind = own.cause === "unexplained" && cause !== undefined;
      cause = isBehind ? (cause as MissPart) : own;
      this.#add(cause, (k + 1) * blockSize);
      if (cause.cause === "unexplained")
        this.present.push({
          part: this.#parts[this.#parts.length - 1],
          usedMs: history.usedMs(content),
          atMs: this.#o.atMs,
        });
    }
    if (k < lookedUp) {
      const isUnknown = k >= known;
      if (!isUnknown) {
        const { prior, head } = this.#o;
        if (prior && k >= prior.computed && prior.ids[k] === ids[k])
          this.#add(none("block_tail"), ++k * blockSize);
        else if (prior && prior.blocks > k)
          this.#addDiverged(k, prior.index, Math.min(lookedUp, prior.blocks, known));
        // Nobody's next turn, but another version of a system prompt that was sent before.
        else if (!prior && head && head.tokens > k * blockSize)
          this.#addDiverged(k, head.index, Math.min(lookedUp, known, Math.floor(head.tokens / blockSize)));
        this.#add(none("first_use"), Math.min(lookedUp, known) * blockSize);
      }
      this.#add(none("not_known"), lookedUp * blockSize);
    }
    this.#add(none(known === 0 && lookedUp > 0 ? "not_known" : "block_tail"), promptTokens);
    return { index, promptTokens, cachedTokens, parts: this.#parts };
  }

  /**
   * The block is of the answer before, whose tokens nobody told: that the prompt repeats them was supposed, and that it was
   * not found says that it does not.
   */
  #isSupposedAnswer(k: Blocks): boolean {
    const { prior, records, blockSize, isOn } = this.#o;
    if (!prior || !isOn) return false;
    const before = records[prior.index];
    return (
      before.outputBlockIds === undefined &&
      k >= Math.floor(before.promptTokens / blockSize) &&
      k < prior.blocks
    );
  }

  #addDiverged(fromBlock: Blocks, from: number, toBlock: Blocks): void {
    const { record, blockSize, records } = this.#o;
    const divergence = describeDivergence(record, records[from], fromBlock * blockSize, blockSize);
    this.#add({ ...none("diverged"), from, divergence }, toBlock * blockSize);
  }

  #causeOf(content: number, readyMs: Ms): MissPart {
    const { history, atMs, kvCacheBlocks, isOn } = this.#o;
    const idleMs = Math.max(0, atMs - history.usedMs(content));
    if (!isOn) return none("unexplained");
    if (readyMs > atMs) return none("not_ready");
    const blocksShort = history.distance(content) - kvCacheBlocks;
    return blocksShort > 0 ? { ...none("evicted"), blocksShort, idleMs } : none("unexplained");
  }

  #reuse(content: number, isHit: boolean): void {
    const { history, atMs, index } = this.#o;
    if (history.readyMs(content) === undefined) return;
    this.reuses.push({ request: index, usedMs: history.usedMs(content), atMs, isHit });
  }

  /** Up to token `end`, for this cause. */
  #add(part: MissPart, end: Tokens): void {
    const tokens = end - this.#at;
    if (tokens <= 0) return;
    this.#parts.push({ ...part, fromToken: this.#at, tokens });
    this.#at = end;
  }
}

function none(cause: MissCause): MissPart {
  return { cause, fromToken: 0, tokens: 0 };
}

/** What is known of each block's past: since when it can be found, when it was last used, and how long ago. */
class BlockHistory {
  readonly #readyMs: Float64Array;
  readonly #usedMs: Float64Array;
  readonly #recency: Recency;

  constructor(contentCount: number) {
    this.#readyMs = new Float64Array(contentCount).fill(Number.NaN);
    this.#usedMs = new Float64Array(contentCount);
    this.#recency = new Recency(contentCount);
  }

  get peak(): Blocks {
    return this.#recency.peak;
  }

  /** When it was first computed; undefined where nobody has sent it. */
  readyMs(content: number): Ms | undefined {
    const ms = this.#readyMs[content];
    return Number.isNaN(ms) ? undefined : ms;
  }

  usedMs(content: number): Ms {
    return this.#usedMs[content];
  }

  distance(content: number): Blocks {
    return this.#recency.distance(content);
  }

  /**
   * A request holds its prompt's blocks, which are computed by `readyMs`; where no first token came, nobody knows which.
   * @param blocks of its prompt, the last of which need not be full
   */
  admitted(ids: Int32Array, blocks: Blocks, atMs: Ms, readyMs: Ms | undefined): void {
    for (let k = 0; k < Math.floor(blocks); k++) this.#hold(ids[k], atMs, readyMs);
    if (blocks % 1 > 0) this.#recency.holdBlank(1);
  }

  /**
   * It gives back all that it computed: the last of a chain is the first that another may take.
   * @param promptBlocks as it was admitted with
   * @param blocks of prompt and answer
   */
  ended(ids: Int32Array, promptBlocks: Blocks, blocks: Blocks, atMs: Ms): void {
    const recency = this.#recency;
    if (promptBlocks % 1 > 0) recency.holdBlank(-1);
    for (let k = Math.floor(promptBlocks); k < Math.floor(blocks); k++) this.#hold(ids[k], atMs, atMs);
    if (blocks % 1 > 0) {
      recency.holdBlank(1);
      recency.holdBlank(-1);
    }
    for (let k = Math.max(Math.floor(promptBlocks), Math.floor(blocks)) - 1; k >= 0; k--) {
      recency.release(ids[k]);
      this.#usedMs[ids[k]] = atMs;
    }
  }

  #hold(content: number, atMs: Ms, readyMs: Ms | undefined): void {
    this.#recency.hold(content);
    this.#usedMs[content] = atMs;
    if (readyMs !== undefined && !(this.#readyMs[content] <= readyMs)) this.#readyMs[content] = readyMs;
  }
}

interface TraceEvent {
  readonly atMs: Ms;
  readonly index: number;
  /** A request looks its prompt up; else it ends, and gives its blocks back. */
  readonly isLookup: boolean;
  /** Of a lookup: its end is known. */
  readonly hasEnd: boolean;
}

/** Lookups and ends in the order of time; what ends at a moment ends before the lookups of that moment. */
function eventsOf(records: readonly TraceRecord[], admittedMs: ArrayLike<Ms> | undefined): TraceEvent[] {
  const events: TraceEvent[] = [];
  let orderMs = 0;
  records.forEach((record, index) => {
    // What an engine did with a request that it gave nothing back for is not known; one that was refused took no block.
    if (record.cachedTokens === undefined && firstTokenMs(record) === undefined) return;
    const admitted = admittedMs?.[index];
    // Without arrivals the order of the file stands for time.
    orderMs = Math.max(orderMs, record.arrivalMs ?? orderMs);
    const lookupMs =
      admitted !== undefined && !Number.isNaN(admitted) ? admitted : (record.arrivalMs ?? orderMs);
    const endMs = lastKnownMs(record);
    // One that takes no time is over at once.
    const hasEnd = endMs !== undefined && endMs > lookupMs;
    events.push({ atMs: lookupMs, index, isLookup: true, hasEnd });
    if (hasEnd) events.push({ atMs: endMs, index, isLookup: false, hasEnd });
  });
  return events.sort(
    (a, b) => a.atMs - b.atMs || Number(a.isLookup) - Number(b.isLookup) || a.index - b.index,
  );
}

/**
 * Tokens of prompt and answer that an engine has computed when the request ends: the answer's last token is emitted and
 * never fed back, so a block that it fills is not complete (vLLM V1 caches `num_computed_tokens`).
 */
function computedTokens({ promptTokens, outputTokens }: TraceRecord): Tokens {
  return promptTokens + Math.max(0, outputTokens - 1);
}

function firstTokenMs({ arrivalMs = 0, ttftMs, elapsedMs, outputTokens }: TraceRecord): Ms | undefined {
  if (ttftMs !== undefined) return arrivalMs + ttftMs;
  return outputTokens > 0 ? arrivalMs + (elapsedMs ?? 0) : undefined;
}

function lastKnownMs(record: TraceRecord): Ms | undefined {
  const { arrivalMs = 0, elapsedMs } = record;
  if (elapsedMs !== undefined) return arrivalMs + elapsedMs;
  const first = firstTokenMs(record);
  return first === undefined ? undefined : first + (decodeMs(record) ?? 0);
}

function merged(parts: readonly MissPart[]): MissPart[] {
  const whole: MissPart[] = [];
  for (const part of parts) {
    const last = whole[whole.length - 1];
    if (last?.cause !== part.cause) whole.push(part);
    else
      whole[whole.length - 1] = {
        ...last,
        tokens: last.tokens + part.tokens,
        ...(part.blocksShort !== undefined && {
          blocksShort: Math.max(last.blocksShort ?? 0, part.blocksShort),
        }),
        ...(part.idleMs !== undefined && { idleMs: Math.max(last.idleMs ?? 0, part.idleMs) }),
      };
  }
  return whole;
}

function byCause(requests: readonly RequestMisses[]): MissExplanation["causes"] {
  const totals = Object.fromEntries(missCauses.map((cause) => [cause, { tokens: 0, requests: 0 }])) as Record<
    MissCause,
    { tokens: number; requests: number }
  >;
  for (const { parts } of requests) {
    for (const { cause, tokens } of parts) totals[cause].tokens += tokens;
    for (const cause of new Set(parts.map((part) => part.cause))) totals[cause].requests++;
  }
  return totals;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
