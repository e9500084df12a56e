import { InputError, requireFinite, requireInteger, stream, type Tokens } from "../base/index.js";
import { accessRuns, hitRateCurve, hitRateCurveOf } from "../cache/index.js";
import { type BlockAccesses, blockAccesses } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import type { JsonValue } from "../trace/index.js";
import { type BalanceColumns, balanceColumns } from "./balance-columns.js";
import { BalancedChoice } from "./balanced-choice.js";
import { type ContextCut, capContext } from "./cap-context.js";
import { partOfWorkload } from "./part-of-workload.js";
import { scaledPool } from "./pool-scale.js";
import { hitRate, type RatedCurve } from "./rated-curve.js";
import { type SampleDistances, SampleJudge, worstDistance } from "./sample-distances.js";
import { countOf, sharingUnits } from "./sharing-units.js";

/** How much of a trace to keep: of `sessions` and `share` one at most. */
export interface SampleOptions {
  /** Sessions to keep at most. */
  readonly sessions?: number;
  /** Share of the sessions to keep, above 0 and up to 1. Default 1. */
  readonly share?: number;
  /** Default 1. The same seed chooses the same sessions. */
  readonly seed?: number | string;
  /** Cut the trace first to what a context window of this many tokens takes, see `capContext`. */
  readonly contextCapTokens?: Tokens;
}

/** A smaller trace, and how well it stands for the whole one. */
export interface TraceSample {
  /** The sample with its sessions; its meta line says what it is a sample of. */
  readonly workload: Workload;
  /** What it is a sample of, after the cut where there is one. */
  readonly whole: { readonly requests: number; readonly sessions: number };
  readonly requests: number;
  readonly sessions: number;
  /** Sessions that were asked for: fewer are kept where those that share a prefix stay together. */
  readonly sessionsWanted: number;
  /** Groups of sessions that were taken together or not at all, and the sessions of the largest. */
  readonly units: { readonly count: number; readonly largestSessions: number };
  /** Choices that were compared; the closest was kept. */
  readonly tries: number;
  readonly kept: SampleDistances;
  readonly cut?: ContextCut;
}

/** Choices that start anew from other random numbers, and how often each is brought closer by what was measured. */
const STARTS = 6;
const ROUNDS = 6;
/** Block accesses that all tries may take together, which bounds their number in large samples. */
const MAX_ACCESSES = 12_000_000;
/** Exchanges that are tried at first, and then after each measurement. */
const FIRST_EXCHANGES = 60_000;
const NEXT_EXCHANGES = 15_000;
/** How much of what was found missing is made up for at a time. */
const STEP = 0.7;
/** Distance at which the search ends. */
const CLOSE_ENOUGH = 0.004;

/**
 * A smaller trace of whole sessions that keeps the hit-rate curve, the lengths and the shape of arrivals.
 *
 * A session with its sub-agents, and sessions that share a prefix which few share, are taken together or not at all. Of
 * these units a balanced choice is made by what each adds to the whole trace's curve and distributions; the sample's own
 * curve is measured, and the choice moved against what is missing. The closest of some tens of such tries is kept: the
 * distances are those of a sample that was chosen by them, measured on the sample itself.
 *
 * What it cannot keep: the hits on many prefixes that each more sessions share than half of the sample holds. They come
 * back as often among the sample's requests as among all, in a pool that is smaller; the distance then says so.
 *
 * Arrivals stay where they were, so that a sample of a twentieth of the sessions is a twentieth of the load: it goes with
 * a pool that is as much smaller, see {@link SampleDistances}. Recorded latencies and cached tokens stay those of the whole load.
 * @throws InputError when an option is out of range, or nothing would be left
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { sampleTrace } from "prefixlab/sample";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { sessions, requests, kept } = sampleTrace(workloadOf(trace), { share: 0.5 });
 * [sessions, requests, kept.promptTokensKs]; // → [32, 160, 0]
 * ```
 */
export function sampleTrace(workload: Workload, options: SampleOptions): TraceSample {
  const { seed = 1, contextCapTokens } = options;
  const capped = contextCapTokens === undefined ? undefined : capContext(workload, contextCapTokens);
  const whole = capped?.workload ?? workload;
  const all = countOf(whole.sessions.session);
  if (all === 0)
    throw new InputError(
      capped
        ? `sampleTrace: no request fits contextCapTokens (${contextCapTokens}): the shortest has ${shortest(workload)} tokens of prompt and answer`
        : "sampleTrace: the trace has no requests",
    );
  const sessionsWanted = wantedSessions(options, all);
  const search = new SampleSearch(whole, sessionsWanted, seed);
  const { sample, kept, tries } = search.closest();
  const sessions = countOf(sample.sessions.session);
  const told = {
    sessions,
    of_sessions: all,
    requests: sample.trace.records.length,
    of_requests: whole.trace.records.length,
    seed,
    ...(kept.curve && {
      pool_share: kept.curve.pool.share,
      pool_fixed_blocks: kept.curve.pool.fixedBlocks,
    }),
    ...(contextCapTokens !== undefined && { context_cap_tokens: contextCapTokens }),
  };
  return {
    workload: withMeta(sample, told),
    whole: { requests: whole.trace.records.length, sessions: all },
    requests: sample.trace.records.length,
    sessions,
    sessionsWanted,
    units: search.units,
    tries,
    kept,
    ...(capped && { cut: capped.cut }),
  };
}

function wantedSessions({ sessions, share }: SampleOptions, all: number): number {
  if (sessions !== undefined && share !== undefined)
    throw new InputError("sampleTrace: give sessions or share, not both");
  if (sessions !== undefined) {
    requireInteger("sampleTrace", "sessions", sessions, 1);
    if (sessions > all)
      throw new InputError(`sampleTrace: sessions is ${sessions}, but there are only ${all}: ask for fewer`);
    return sessions;
  }
  requireFinite("sampleTrace", "share", share ?? 1, 0, 1);
  if (share === 0) throw new InputError("sampleTrace: share must be above 0: nothing would be kept");
  return Math.max(1, Math.round((share ?? 1) * all));
}

function shortest({ trace }: Workload): Tokens {
  return trace.records.reduce(
    (least, { promptTokens, outputTokens }) => Math.min(least, promptTokens + outputTokens),
    Number.POSITIVE_INFINITY,
  );
}

/** A sample of a sample says both. */
function withMeta(sample: Workload, told: Readonly<Record<string, JsonValue>>): Workload {
  const { meta } = sample.trace;
  const before = meta.extra.sample;
  const extra = { ...meta.extra, sample: { ...told, ...(before !== undefined && { from: before }) } };
  return { ...sample, trace: { ...sample.trace, meta: { ...meta, extra } } };
}

interface Tried {
  readonly sample: Workload;
  readonly curve: RatedCurve;
  readonly kept: SampleDistances;
}

class SampleSearch {
  readonly units: TraceSample["units"];
  readonly #whole: Workload;
  readonly #sessionsWanted: number;
  readonly #seed: number | string;
  readonly #unitOf: Int32Array;
  /** Undefined without hashes. */
  readonly #curve: RatedCurve | undefined;
  readonly #judge: SampleJudge;
  readonly #columns: BalanceColumns;
  readonly #asked: BlockAccesses;
  /** All blocks that the whole trace asks for. */
  readonly #blocks: number;

  constructor(whole: Workload, sessionsWanted: number, seed: number | string) {
    this.#whole = whole;
    this.#sessionsWanted = sessionsWanted;
    this.#seed = seed;
    this.#unitOf = sharingUnits(whole, sessionsWanted);
    this.#asked = blockAccesses(whole);
    const { accesses, contentCount } = this.#asked;
    const runs = accessRuns(accesses, contentCount);
    const hits = hitRateCurveOf(runs);
    const hasHashes = whole.trace.records.some(
      ({ blockIds }) => blockIds !== undefined && blockIds.length > 0,
    );
    this.#curve = hasHashes ? { hits, of: this.#asked } : undefined;
    this.#judge = new SampleJudge(whole, this.#curve);
    this.#columns = balanceColumns(whole, this.#unitOf, this.#asked, hits, runs);
    this.#blocks = accesses.reduce((sum, { contentIds }) => sum + contentIds.length, 0);
    const smallest = this.#columns.sessions.reduce((least, n) => Math.min(least, n));
    if (smallest > sessionsWanted)
      throw new InputError(
        `sampleTrace: sessions wait for each other's requests in groups of ${smallest} or more, which stay together: ask for as many at least`,
      );
    this.units = {
      count: this.#columns.units,
      largestSessions: this.#columns.sessions.reduce((most, n) => Math.max(most, n), 0),
    };
  }

  closest(): Tried & { readonly tries: number } {
    const all = this.#unitOf.length;
    if (this.#sessionsWanted === all)
      return { ...this.#tried(new Uint8Array(this.#columns.units).fill(1)), tries: 1 };
    const cost = (this.#blocks * this.#sessionsWanted) / all;
    const most = Math.max(ROUNDS, Math.min(STARTS * ROUNDS, Math.floor(MAX_ACCESSES / cost)));
    let best: Tried | undefined;
    let least = Number.POSITIVE_INFINITY;
    let tries = 0;
    for (let start = 1; tries < most && least > CLOSE_ENOUGH; start++) {
      const draws = stream(this.#seed, `sample ${start}`);
      const choice = new BalancedChoice(this.#columns, this.#sessionsWanted, draws);
      choice.exchange(FIRST_EXCHANGES);
      for (let round = 1; round <= ROUNDS && tries < most && least > CLOSE_ENOUGH; round++) {
        const tried = this.#tried(choice.isTaken);
        const distance = worstDistance(tried.kept);
        tries++;
        if (distance < least) {
          least = distance;
          best = tried;
        }
        this.#aimAtWhatIsMissing(choice, tried);
        choice.exchange(NEXT_EXCHANGES);
      }
    }
    return { ...(best as Tried), tries };
  }

  #tried(isTaken: Uint8Array): Tried {
    const { session } = this.#whole.sessions;
    const isKept = (i: number): boolean => isTaken[this.#unitOf[session[i]]] === 1;
    const sample = partOfWorkload(this.#whole, Int32Array.from(session.keys()).filter(isKept));
    // What a request asks for is what it asks for in the whole: whose answer it repeats was taken with it.
    const { accesses: all, order, contentCount, blockSize } = this.#asked;
    const accesses = all.filter((_, at) => isKept(order[at]));
    const promptTokens = sample.trace.records.reduce((sum, record) => sum + record.promptTokens, 0);
    const curve = { hits: hitRateCurve(accesses, { contentCount }), of: { blockSize, promptTokens } };
    const longest = accesses.reduce((most, { contentIds }) => Math.max(most, contentIds.length), 0);
    return { sample, curve, kept: this.#judge.distances(sample, curve, longest) };
  }

  /** What the columns expect of a choice is not quite what it has, as its distances are not those of the whole trace. */
  #aimAtWhatIsMissing(choice: BalancedChoice, { curve, kept }: Tried): void {
    const whole = this.#curve;
    if (!whole || !kept.curve) return;
    const { pool } = kept.curve;
    const size = choice.sessions / this.#unitOf.length;
    this.#columns.poolSizes.forEach((poolBlocks, column) => {
      const missing = hitRate(whole, poolBlocks) - hitRate(curve, scaledPool(pool, poolBlocks));
      choice.shiftAim(column, STEP * missing * size);
    });
  }
}
