/** Reasons that are told apart; what comes beyond is counted together. */
const MOST_REASONS = 64;

/** Counts by reason. */
export class ReasonCounts {
  readonly #counts = new Map<string, number>();

  add(reason: string): void {
    const key = this.#counts.has(reason) || this.#counts.size < MOST_REASONS ? reason : "other reasons";
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  get total(): number {
    let sum = 0;
    for (const count of this.#counts.values()) sum += count;
    return sum;
  }

  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
