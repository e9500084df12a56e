/** Digests in a piece: what is grown by the piece is never held twice, and goes to another thread without being copied. */
const pieceRows = 1 << 16;

/** The digest of every row of a part of a file, 8 bytes each, and the lines that they stand in. */
export class KeptRows {
  readonly #pieces: Float64Array[];
  /** Rows in the last piece. */
  #inLast = pieceRows;
  #length = 0;
  /** Where lines do not follow each other: [row, line], flat. */
  readonly #jumps: number[];
  #next = -1;

  /**
   * @param pieces what `digests` was of the rows of a part; none are added then
   * @param jumps rows that do not stand in the line behind the row before, with their lines: [row, line, ...]
   */
  constructor(pieces: readonly Float64Array[] = [], jumps: readonly number[] = []) {
    this.#pieces = [...pieces];
    this.#inLast = pieces.at(-1)?.length ?? pieceRows;
    this.#jumps = [...jumps];
  }

  add(line: number, digest: number): void {
    if (this.#inLast === pieceRows) {
      this.#pieces.push(new Float64Array(pieceRows));
      this.#inLast = 0;
    }
    if (line !== this.#next) this.#jumps.push(this.#length, line);
    this.#pieces[this.#pieces.length - 1][this.#inLast++] = digest;
    this.#length++;
    this.#next = line + 1;
  }

  /** All digests, in pieces. */
  get digests(): Float64Array[] {
    const last = this.#pieces.length - 1;
    return this.#pieces.map((piece, k) => (k < last ? piece : piece.subarray(0, this.#inLast)));
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
