import { type Workload, waitsOf } from "../sessions/index.js";

/**
 * How sessions are put together that a sample takes as one. What makes a sample's hits differ is how far uses of a block are
 * apart, and that depends on it:
 *
 * - "prefix": sessions that share a prefix which few share, half of the sample at most. All distances shrink with the
 *   sample, but for those to prefixes that more sessions share: taken at random, these are used by one in so many of the
 *   sample's requests as of all, so that their distances stay.
 * - "runs": as well, of sessions that share a prefix which more share, so many as came one after another: the prefix is
 *   used as often while they last as it was, and distances to it shrink too.
 * - "stretches": sessions that began in one stretch of time. Distances within it stay, to prefixes of every kind, and the
 *   load stays the whole one while it lasts.
 */
export type Grouping =
  | { readonly by: "prefix" }
  | {
      readonly by: "runs";
      readonly sessions: number;
      /** Sessions, as a share of the sample, that hold a prefix which few share. */
      readonly few: number;
    }
  | {
      readonly by: "stretches";
      /** In the sample. */
      readonly count: number;
    };

/** A sample is filled up to this share of the sessions asked for, or its units are made smaller. */
const MIN_FILL = 0.9;

/** Sessions by what they wait for and hold, from which units are made of each {@link Grouping}. */
export class SharingUnits {
  readonly #workload: Workload;
  readonly #sessionsWanted: number;
  readonly #sessionCount: number;
  /** Records by session. */
  readonly #order: Int32Array;
  /** Sessions that hold each block. */
  readonly #holders: Int32Array;

  constructor(workload: Workload, sessionsWanted: number) {
    const { trace, sessions } = workload;
    this.#workload = workload;
    this.#sessionsWanted = sessionsWanted;
    this.#sessionCount = countOf(sessions.session);
    this.#order = Int32Array.from(trace.records.keys()).sort(
      (a, b) => sessions.session[a] - sessions.session[b] || a - b,
    );
    this.#holders = new Int32Array(trace.blocks.size);
    const last = new Int32Array(trace.blocks.size).fill(-1);
    for (const i of this.#order) {
      for (const id of trace.records[i].blockIds ?? []) {
        if (last[id] === sessions.session[i]) continue;
        last[id] = sessions.session[i];
        this.#holders[id]++;
      }
    }
  }

  /**
   * Sessions in which one request waits for another's are of one unit in any case.
   * @returns the number of each session's unit, counted from 0 in order of first arrivals
   */
  of(grouping: Grouping): Int32Array {
    switch (grouping.by) {
      case "prefix":
        return this.#byPrefix();
      case "runs":
        return this.#byRuns(grouping.sessions, Math.max(1, Math.floor(this.#sessionsWanted * grouping.few)));
      case "stretches":
        return this.#byStretches(Math.round((grouping.count * this.#sessionCount) / this.#sessionsWanted));
    }
  }

  /** "Few" is halved until units are no larger than that, as prompts that share several prefixes can chain sessions together, and until they fill the sample. */
  #byPrefix(): Int32Array {
    for (let most = Math.floor(this.#sessionsWanted / 2); ; most = Math.floor(most / 2)) {
      const sets = this.#waiting();
      this.#joinHolders(sets, most);
      const units = sets.numbers();
      if (most <= 1 || fills(units, this.#sessionsWanted)) return units;
    }
  }

  /** Sessions that share what few share are of one unit; of the others, runs of those with the same longest shared prefix. */
  #byRuns(length: number, most: number): Int32Array {
    const sets = this.#waiting();
    const isJoined = this.#joinHolders(sets, most);
    const { trace, sessions } = this.#workload;
    const shared = new Int32Array(this.#sessionCount).fill(-1);
    for (const i of this.#order) {
      const session = sessions.session[i];
      for (const id of trace.records[i].blockIds ?? []) {
        if (this.#holders[id] <= most) break;
        if (shared[session] < 0 || this.#holders[id] <= this.#holders[shared[session]]) shared[session] = id;
      }
    }
    const open = new Map<number, { readonly first: number; sessions: number }>();
    for (let session = 0; session < this.#sessionCount; session++) {
      const prefix = shared[session];
      if (isJoined[session] === 1 || prefix < 0) continue;
      let run = open.get(prefix);
      if (!run || run.sessions >= length) {
        run = { first: session, sessions: 0 };
        open.set(prefix, run);
      }
      sets.join(run.first, session);
      run.sessions++;
    }
    return sets.numbers();
  }

  #byStretches(count: number): Int32Array {
    const sets = this.#waiting();
    const stretchOf = (session: number): number => Math.floor((session * count) / this.#sessionCount);
    for (let session = 1; session < this.#sessionCount; session++)
      if (stretchOf(session) === stretchOf(session - 1)) sets.join(session - 1, session);
    return sets.numbers();
  }

  #waiting(): DisjointSets {
    const { sessions } = this.#workload;
    const sets = new DisjointSets(this.#sessionCount);
    for (const i of this.#order)
      for (const { parent } of waitsOf(sessions, i)) sets.join(sessions.session[i], sessions.session[parent]);
    return sets;
  }

  /** Joins sessions over blocks that no more than so many hold. @returns 1 for each session that was joined with another */
  #joinHolders(sets: DisjointSets, most: number): Uint8Array {
    const { trace, sessions } = this.#workload;
    const last = new Int32Array(this.#holders.length).fill(-1);
    const isJoined = new Uint8Array(this.#sessionCount);
    for (const i of this.#order) {
      const session = sessions.session[i];
      for (const id of trace.records[i].blockIds ?? []) {
        if (this.#holders[id] > most) continue;
        const other = last[id];
        last[id] = session;
        if (other < 0 || other === session) continue;
        sets.join(other, session);
        isJoined[other] = 1;
        isJoined[session] = 1;
      }
    }
    return isJoined;
  }
}

/** How many labels there are, which are counted from 0. */
export function countOf(labels: Int32Array): number {
  return labels.reduce((most, label) => Math.max(most, label + 1), 0);
}

/** Whether units, taken one after another while they fit, fill the sample, and none is more than half of it. */
function fills(units: Int32Array, sessionsWanted: number): boolean {
  const sizes = new Int32Array(countOf(units));
  for (const unit of units) sizes[unit]++;
  const taken = sizes.reduce((sum, size) => (sum + size > sessionsWanted ? sum : sum + size), 0);
  return taken >= MIN_FILL * sessionsWanted && sizes.every((size) => size <= sessionsWanted / 2);
}

/** Union by smaller index, with paths halved (Tarjan and van Leeuwen 1984). */
class DisjointSets {
  readonly #above: Int32Array;

  constructor(count: number) {
    this.#above = Int32Array.from({ length: count }, (_, i) => i);
  }

  join(a: number, b: number): void {
    const [x, y] = [this.#root(a), this.#root(b)];
    if (x !== y) this.#above[Math.max(x, y)] = Math.min(x, y);
  }

  numbers(): Int32Array {
    let count = 0;
    const numbers = new Int32Array(this.#above.length);
    for (let i = 0; i < numbers.length; i++) {
      const root = this.#root(i);
      numbers[i] = root === i ? count++ : numbers[root];
    }
    return numbers;
  }

  #root(i: number): number {
    const above = this.#above;
    let at = i;
    while (above[at] !== at) {
      above[at] = above[above[at]];
      at = above[at];
    }
    return at;
  }
}
