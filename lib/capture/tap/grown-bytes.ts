import type { Bytes } from "../../base/index.js";

/** More than this is kept in pages of its own. */
const LARGE_BYTES: Bytes = 256 * 1024;
const FIRST_BYTES: Bytes = 1024;

/**
 * Bytes that come in pieces, kept in one piece of memory that can be handed to another thread. Each piece is copied, so
 * that what a socket read is garbage at once. What is large lies in an `ArrayBuffer` that can be resized, which V8 takes
 * from the system by the page and gives back as soon as it is dropped. malloc does not: once glibc's has freed a block of
 * some MiB, it keeps all freed blocks up to that size (mallopt(3), M_MMAP_THRESHOLD).
 */
export class GrownBytes {
  readonly #most: Bytes;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** @param most never holds more than this */
  constructor(most: Bytes) {
    this.#most = most;
  }

  get length(): Bytes {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** Drops them; the length stays, for who counts on. */
  clear(): void {
    this.#bytes = new Uint8Array(0);
  }

  /** All of them. They are not kept here any more. */
  take(): Uint8Array<ArrayBuffer> {
    const whole = this.#bytes.subarray(0, this.#length);
    this.clear();
    return whole;
  }

  #grow(needed: Bytes): void {
    const { buffer, length: before } = this.#bytes;
    const capacity = Math.max(needed, Math.min(2 * before, this.#most), FIRST_BYTES);
    if (buffer.resizable) {
      buffer.resize(capacity);
      this.#bytes = new Uint8Array(buffer, 0, capacity);
      return;
    }
    const grown =
      capacity > LARGE_BYTES
        ? new ArrayBuffer(capacity, { maxByteLength: this.#most })
        : new ArrayBuffer(capacity);
    const bytes = new Uint8Array(grown);
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}
