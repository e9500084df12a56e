import { type Workload, waitsOf } from "../sessions/index.js";

/** A sample is filled up to this share of the sessions asked for, or its units are made smaller. */
const MIN_FILL = 0.9;

/**
 * Sessions that a sample takes together or not at all: those in which one request waits for another's, and those that
 * share blocks of prompts which few sessions hold, half of the sample at most. A prefix that more sessions share stays as
 * it is in any sample; what few share would come back more rarely with each session that is left out. "Few" is halved
 * until units are no larger than that, as prompts that share several prefixes can chain sessions together, and until
 * they fill the sample.
 * @returns the number of each session's unit, counted from 0 in order of first arrivals
 */
export function sharingUnits({ trace, sessions }: Workload, sessionsWanted: number): Int32Array {
  const sessionCount = countOf(sessions.session);
  const order = Int32Array.from(trace.records.keys()).sort(
    (a, b) => sessions.session[a] - sessions.session[b] || a - b,
  );
  const holders = new Int32Array(trace.blocks.size);
  const last = new Int32Array(trace.blocks.size).fill(-1);
  for (const i of order) {
    for (const id of trace.records[i].blockIds ?? []) {
      if (last[id] === sessions.session[i]) continue;
      last[id] = sessions.session[i];
      holders[id]++;
    }
  }
  for (let most = Math.floor(sessionsWanted / 2); ; most = Math.floor(most / 2)) {
    const sets = new DisjointSets(sessionCount);
    for (const i of order)
      for (const { parent } of waitsOf(sessions, i)) sets.join(sessions.session[i], sessions.session[parent]);
    last.fill(-1);
    for (const i of order) {
      for (const id of trace.records[i].blockIds ?? []) {
        if (holders[id] > most) continue;
        if (last[id] >= 0) sets.join(last[id], sessions.session[i]);
        last[id] = sessions.session[i];
      }
    }
    const units = sets.numbers();
    if (most <= 1 || fills(units, sessionsWanted)) return units;
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
