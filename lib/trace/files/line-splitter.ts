/** Called with a line as a range of a buffer, without its line end, and its number from 1. */
export type LineHandler = (buffer: Buffer, start: number, end: number, lineNumber: number) => void;

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Cuts chunks of bytes into lines without copying them, except for lines that cross a chunk's end. Strips CRs at
 * line ends and a byte order mark at the start; leaves out blank lines, but counts them.
 */
export class LineSplitter {
  /** Lines seen so far, blank ones included. */
  lineNumber = 0;
  readonly #maxLineBytes: number;
  #pieces: Buffer[] = [];
  #pendingBytes = 0;
  #skipping = false;

  /** @param linesBefore lines of the file before the first chunk */
  constructor(maxLineBytes = 1 << 28, linesBefore = 0) {
    this.#maxLineBytes = maxLineBytes;
    this.lineNumber = linesBefore;
  }

  /** Hands every line that this chunk completes to `onLine`; `onTooLong` gets the number of a line above the limit. */
  push(chunk: Buffer, onLine: LineHandler, onTooLong: (lineNumber: number) => void): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      if (end < 0) break;
      if (this.#skipping) {
        this.#skipping = false;
        this.lineNumber++;
        onTooLong(this.lineNumber);
      } else if (this.#pendingBytes === 0) this.#emit(chunk, start, end, onLine);
      else {
        this.#pieces.push(chunk.subarray(start, end));
        this.#flushPieces(onLine);
      }
      start = end + 1;
    }
    if (start === chunk.length || this.#skipping) return;
    this.#pieces.push(chunk.subarray(start));
    this.#pendingBytes += chunk.length - start;
    if (this.#pendingBytes > this.#maxLineBytes) {
      this.#pieces = [];
      this.#pendingBytes = 0;
      this.#skipping = true;
    }
  }

  /**
   * Hands over the bytes after the last newline, if any.
   * @returns whether there were any: such a last line may have been cut
   */
  finish(onLine: LineHandler, onTooLong: (lineNumber: number) => void): boolean {
    if (this.#skipping) {
      this.lineNumber++;
      onTooLong(this.lineNumber);
      return true;
    }
    if (this.#pendingBytes === 0) return false;
    this.#flushPieces(onLine);
    return true;
  }

  #flushPieces(onLine: LineHandler): void {
    const line = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#pendingBytes = 0;
    this.#emit(line, 0, line.length, onLine);
  }

  #emit(buffer: Buffer, from: number, to: number, onLine: LineHandler): void {
    let start = from;
    let end = to;
    this.lineNumber++;
    if (
      this.lineNumber === 1 &&
      buffer[start] === 0xef &&
      buffer[start + 1] === 0xbb &&
      buffer[start + 2] === 0xbf
    )
      start += 3;
    while (end > start && buffer[end - 1] === carriageReturn) end--;
    while (end > start && (buffer[start] === 0x20 || buffer[start] === 0x09)) start++;
    if (end > start) onLine(buffer, start, end, this.lineNumber);
  }
}
