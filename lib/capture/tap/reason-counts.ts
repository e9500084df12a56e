/** Reasons that are told apart; what comes beyond is counted together. */
const MOST_REASONS = 64;

/** Counts by reason. */
export class ReasonCounts {
  readonly #counts = new Map<string, number>();
  readonly #onNew: (reason: string) => void;

  /** @param onNew called with a reason that had not been counted before */
  constructor(onNew: (reason: string) => void = () => {}) {
    this.#onNew = onNew;
  }

  add(reason: string, by = 1): void {
    const isKnown = this.#counts.has(reason);
    const key = isKnown || this.#counts.size < MOST_REASONS ? reason : "other reasons";
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
    if (!isKnown && key === reason) this.#onNew(reason);
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
