/** The digest of every row of a part of a file, 8 bytes each, and the lines that they stand in. */
export class KeptRows {
  #digests: Float64Array = new Float64Array(1024);
  #length = 0;
  /** Where lines do not follow each other: [row, line], flat. */
  readonly #jumps: number[];
  #next = -1;

  /** @param jumps rows that do not stand in the line behind the row before, with their lines: [row, line, ...] */
  constructor(digests: Float64Array = new Float64Array(0), jumps: readonly number[] = []) {
    if (digests.length > 0) this.#digests = digests;
    this.#length = digests.length;
    this.#jumps = [...jumps];
  }

  add(line: number, digest: number): void {
    if (this.#length === this.#digests.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#digests);
      this.#digests = larger;
    }
    if (line !== this.#next) this.#jumps.push(this.#length, line);
    this.#digests[this.#length++] = digest;
    this.#next = line + 1;
  }

  /** What the constructor takes. */
  get digests(): Float64Array {
    return this.#digests.subarray(0, this.#length);
  }

  get jumps(): readonly number[] {
    return this.#jumps;
  }

  /** The line of a row, from 1. */
  lineOf(row: number): number {
    const jumps = this.#jumps;
    let low = 0;
    let high = jumps.length >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (jumps[2 * middle] <= row) low = middle + 1;
      else high = middle;
    }
    return jumps[2 * low - 1] + row - jumps[2 * low - 2];
  }
}
