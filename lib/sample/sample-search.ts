import { InputError, stream } from "../base/index.js";
import { type AccessRuns, accessRuns, hitRateCurve, hitRateCurveOf } from "../cache/index.js";
import { type BlockAccesses, blockAccesses } from "../replay/index.js";
import { partOfWorkload, type Workload } from "../sessions/index.js";
import { type BalanceColumns, balanceColumns } from "./balance-columns.js";
import { BalancedChoice } from "./balanced-choice.js";
import { scaledPool } from "./pool-scale.js";
import { hitRate, type RatedCurve } from "./rated-curve.js";
import { type SampleDistances, SampleJudge, worstDistance } from "./sample-distances.js";
import { type Grouping, SharingUnits } from "./sharing-units.js";

/** Groupings from which units are made, those that keep the load even first: later ones are tried where these are too far off. */
const GROUPINGS: readonly Grouping[] = [
  { by: "prefix" },
  { by: "runs", few: 0.1, sessions: 20 },
  { by: "runs", few: 0.02, sessions: 100 },
  { by: "runs", few: 0.02, sessions: 500 },
  { by: "stretches", count: 60 },
  { by: "stretches", count: 20 },
  { by: "stretches", count: 6 },
  { by: "stretches", count: 2 },
];
/** Choices of each grouping, from which the closest is gone on with. */
const FIRST_ROUNDS = 2;
/** How often a choice is brought closer by what was measured before another starts from new random numbers. */
const ROUNDS = 6;
/** Choices at least and at most, and block accesses that all of them may take together. */
const LEAST_TRIES = GROUPINGS.length * FIRST_ROUNDS + 2;
const MOST_TRIES = 52;
const MAX_ACCESSES = 40_000_000;
/** Exchanges that are tried at first, a unit and at most; after each measurement a quarter of them. */
const EXCHANGES_A_UNIT = 100;
const MOST_EXCHANGES = 60_000;
/** How much of what was found missing is made up for at a time. */
const STEP = 0.7;
/** Distance at which the search ends. */
const CLOSE_ENOUGH = 0.004;

/** The sample that was found, and how. */
export interface FoundSample {
  readonly sample: Workload;
  readonly kept: SampleDistances;
  readonly grouping: Grouping;
  readonly units: { readonly count: number; readonly largestSessions: number };
  readonly tries: number;
}

/** Sessions by unit, and what each unit adds to the whole. */
interface Grouped {
  readonly grouping: Grouping;
  readonly unitOf: Int32Array;
  readonly columns: BalanceColumns;
}

interface Tried extends Pick<FoundSample, "sample" | "kept"> {
  readonly grouped: Grouped;
  readonly curve: RatedCurve;
  readonly distance: number;
}

/** Looks for the sample that is closest to a workload. */
export class SampleSearch {
  readonly #whole: Workload;
  readonly #sessionsWanted: number;
  readonly #sessions: number;
  readonly #seed: number | string;
  /** Undefined without hashes. */
  readonly #curve: RatedCurve | undefined;
  readonly #judge: SampleJudge;
  readonly #asked: BlockAccesses;
  readonly #runs: AccessRuns;
  readonly #units: SharingUnits;
  readonly #most: number;
  #tries = 0;
  #best: Tried | undefined;

  constructor(whole: Workload, sessions: number, sessionsWanted: number, seed: number | string) {
    this.#whole = whole;
    this.#sessions = sessions;
    this.#sessionsWanted = sessionsWanted;
    this.#seed = seed;
    this.#asked = blockAccesses(whole);
    const { accesses, contentCount } = this.#asked;
    this.#runs = accessRuns(accesses, contentCount);
    const hasHashes = whole.trace.records.some(
      ({ blockIds }) => blockIds !== undefined && blockIds.length > 0,
    );
    this.#curve = hasHashes ? { hits: hitRateCurveOf(this.#runs), of: this.#asked } : undefined;
    this.#judge = new SampleJudge(whole, this.#curve);
    this.#units = new SharingUnits(whole, sessionsWanted);
    const blocks = accesses.reduce((sum, { contentIds }) => sum + contentIds.length, 0);
    const cost = Math.max(1, (blocks * sessionsWanted) / sessions);
    this.#most = Math.max(LEAST_TRIES, Math.min(MOST_TRIES, Math.floor(MAX_ACCESSES / cost)));
  }

  /** @throws InputError when sessions that stay together are more than are wanted */
  closest(): FoundSample {
    const first = this.#grouped(GROUPINGS[0]);
    const smallest = smallestOf(first);
    if (smallest > this.#sessionsWanted)
      throw new InputError(
        `sampleTrace: sessions wait for each other's requests in groups of ${smallest} or more, which stay together: ask for as many at least`,
      );
    if (this.#sessionsWanted === this.#sessions) {
      this.#measure(first, new Uint8Array(first.columns.units).fill(1));
      return this.#found();
    }
    for (const grouping of this.#curve ? GROUPINGS : GROUPINGS.slice(0, 1)) {
      const grouped = grouping === GROUPINGS[0] ? first : this.#grouped(grouping);
      if (smallestOf(grouped) <= this.#sessionsWanted) this.#start(grouped, "first", FIRST_ROUNDS);
      if (this.#isDone()) return this.#found();
    }
    for (let start = 1; !this.#isDone(); start++)
      this.#start((this.#best as Tried).grouped, `${start}`, ROUNDS);
    return this.#found();
  }

  #isDone(): boolean {
    return this.#tries >= this.#most || (this.#best?.distance ?? 1) <= CLOSE_ENOUGH;
  }

  #found(): FoundSample {
    const { sample, kept, grouped } = this.#best as Tried;
    const { sessions, units } = grouped.columns;
    const largestSessions = sessions.reduce((most, n) => Math.max(most, n), 0);
    return {
      sample,
      kept,
      grouping: grouped.grouping,
      units: { count: units, largestSessions },
      tries: this.#tries,
    };
  }

  #grouped(grouping: Grouping): Grouped {
    const unitOf = this.#units.of(grouping);
    const hits = this.#curve?.hits ?? hitRateCurveOf(this.#runs);
    return { grouping, unitOf, columns: balanceColumns(this.#whole, unitOf, this.#asked, hits, this.#runs) };
  }

  /** A choice from random numbers of its own, brought closer by what is found missing. */
  #start(grouped: Grouped, name: string, rounds: number): void {
    const draws = stream(this.#seed, `sample ${grouped.grouping.by} ${name}`);
    const choice = new BalancedChoice(grouped.columns, this.#sessionsWanted, draws);
    const exchanges = Math.min(MOST_EXCHANGES, EXCHANGES_A_UNIT * grouped.columns.units);
    choice.exchange(exchanges);
    for (let round = 1; round <= rounds && !this.#isDone(); round++) {
      const tried = this.#measure(grouped, choice.isTaken);
      if (round === rounds) return;
      this.#aimAtWhatIsMissing(choice, tried);
      choice.exchange(exchanges / 4);
    }
  }

  #measure(grouped: Grouped, isTaken: Uint8Array): Tried {
    const { session } = this.#whole.sessions;
    const isKept = (i: number): boolean => isTaken[grouped.unitOf[session[i]]] === 1;
    const sample = partOfWorkload(this.#whole, Int32Array.from(session.keys()).filter(isKept));
    // What a request asks for is what it asks for in the whole: whose answer it repeats was taken with it.
    const { accesses: all, order, contentCount, blockSize } = this.#asked;
    const accesses = all.filter((_, at) => isKept(order[at]));
    const promptTokens = sample.trace.records.reduce((sum, record) => sum + record.promptTokens, 0);
    const curve = { hits: hitRateCurve(accesses, { contentCount }), of: { blockSize, promptTokens } };
    const longest = accesses.reduce((most, { contentIds }) => Math.max(most, contentIds.length), 0);
    const kept = this.#judge.distances(sample, curve, longest);
    const tried = { sample, curve, kept, grouped, distance: worstDistance(kept) };
    this.#tries++;
    if (!this.#best || tried.distance < this.#best.distance) this.#best = tried;
    return tried;
  }

  /** What the columns expect of a choice is not quite what it has, as its distances are not those of the whole trace. */
  #aimAtWhatIsMissing(choice: BalancedChoice, { curve, kept, grouped }: Tried): void {
    const whole = this.#curve;
    if (!whole || !kept.curve) return;
    const { pool } = kept.curve;
    const size = choice.sessions / this.#sessions;
    grouped.columns.poolSizes.forEach((poolBlocks, column) => {
      const missing = hitRate(whole, poolBlocks) - hitRate(curve, scaledPool(pool, poolBlocks));
      choice.shiftAim(column, STEP * missing * size);
    });
  }
}

function smallestOf({ columns }: Grouped): number {
  return columns.sessions.reduce((least, n) => Math.min(least, n));
}
