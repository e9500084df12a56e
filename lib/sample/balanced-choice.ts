import type { RandomStream } from "../base/index.js";
import type { BalanceColumns } from "./balance-columns.js";

/**
 * A choice of units that has its share of every column: units are drawn at random, and exchanged for others of as many
 * sessions wherever that brings the columns closer to what they should be. (Balanced sampling, Deville and Tille 2004,
 * Biometrika 91, has the aim; the exchange is the plainer way to it.)
 */
export class BalancedChoice {
  readonly #of: BalanceColumns;
  readonly #draws: RandomStream;
  readonly #isTaken: Uint8Array;
  /** What the columns should add up to, and by how much they miss it. */
  readonly #aims: Float64Array;
  readonly #errors: Float64Array;
  /** Units of one number of sessions, those taken first. */
  readonly #kinds: { readonly units: Int32Array; readonly taken: number }[] = [];
  readonly sessions: number;

  /** Takes units in random order, as long as they do not bring more sessions than wanted. */
  constructor(of: BalanceColumns, sessionsWanted: number, draws: RandomStream) {
    this.#of = of;
    this.#draws = draws;
    this.#isTaken = new Uint8Array(of.units);
    const order = shuffled(of.units, draws);
    let sessions = 0;
    for (const unit of order) {
      if (sessions + of.sessions[unit] > sessionsWanted) continue;
      this.#isTaken[unit] = 1;
      sessions += of.sessions[unit];
    }
    this.sessions = sessions;
    const all = of.sessions.reduce((sum, n) => sum + n, 0);
    this.#aims = of.totals.map((total) => (total * sessions) / all);
    this.#errors = this.#aims.map((aim) => -aim);
    for (let unit = 0; unit < of.units; unit++) if (this.#isTaken[unit] === 1) this.#change(unit, 1);
    this.#sortKinds(order);
  }

  /** 1 for each unit that is taken. */
  get isTaken(): Uint8Array {
    return this.#isTaken;
  }

  /** Moves what a column should add up to. */
  shiftAim(column: number, by: number): void {
    this.#aims[column] += by;
    this.#errors[column] -= by;
  }

  /** Tries exchanges, and keeps those that lessen the sum of squared errors. */
  exchange(tries: number): void {
    const { columns, values } = this.#of;
    const errors = this.#errors;
    const changeable = this.#kinds.reduce((sum, { taken }) => sum + taken, 0);
    if (changeable === 0) return;
    for (let n = 0; n < tries; n++) {
      let at = this.#draws.integer(changeable);
      let kind = 0;
      while (at >= this.#kinds[kind].taken) at -= this.#kinds[kind++].taken;
      const { units, taken } = this.#kinds[kind];
      const to = taken + this.#draws.integer(units.length - taken);
      const [out, into] = [units[at] * columns, units[to] * columns];
      let gain = 0;
      for (let c = 0; c < columns; c++) {
        const change = values[into + c] - values[out + c];
        gain += change * (change + 2 * errors[c]);
      }
      if (gain >= 0) continue;
      this.#change(units[at], -1);
      this.#change(units[to], 1);
      this.#isTaken[units[at]] = 0;
      this.#isTaken[units[to]] = 1;
      [units[at], units[to]] = [units[to], units[at]];
    }
  }

  #change(unit: number, sign: 1 | -1): void {
    const { columns, values } = this.#of;
    for (let c = 0; c < columns; c++) this.#errors[c] += sign * values[unit * columns + c];
  }

  #sortKinds(order: Int32Array): void {
    const bySize = new Map<number, { readonly taken: number[]; readonly left: number[] }>();
    for (const unit of order) {
      const size = this.#of.sessions[unit];
      const kind = bySize.get(size) ?? { taken: [], left: [] };
      bySize.set(size, kind);
      (this.#isTaken[unit] === 1 ? kind.taken : kind.left).push(unit);
    }
    for (const { taken, left } of bySize.values())
      if (taken.length > 0 && left.length > 0)
        this.#kinds.push({ units: Int32Array.from([...taken, ...left]), taken: taken.length });
  }
}

/** Fisher and Yates. */
function shuffled(count: number, draws: RandomStream): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = draws.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
