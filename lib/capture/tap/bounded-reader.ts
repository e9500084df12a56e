import type { Bytes } from "../../base/index.js";
import { decodedBody, isIdentity, LARGEST_BODY_BYTES } from "./body-decoder.js";
import { jsonWeight } from "./json-weight.js";
import { MemoryGate } from "./memory-gate.js";

/** Memory that all bodies may take together while they are read, and one of them alone. */
const READING_BYTES: Bytes = 96 * 1024 * 1024;
/** Most that a byte of a compressed body can stand for: deflate packs up to 1,032 bytes into one (zlib's manual), brotli more. */
const MOST_RATIO = 1100;
const MEBIBYTE = 1024 * 1024;

/** Reads bodies of requests in a bounded amount of memory, whatever they inflate to and however many come at once. */
export class BoundedReader {
  readonly #gate = new MemoryGate(READING_BYTES);

  /**
   * Decompresses and parses a body. Its memory is counted until `use` is through.
   * @param use gets the JSON (undefined where it is none), or why the body is not read, in a few words
   */
  async read<T>(
    body: Uint8Array,
    encoding: string | undefined,
    use: (read: { readonly json: unknown } | string) => Promise<T>,
  ): Promise<T> {
    const isPlain = isIdentity(encoding);
    let held = isPlain ? jsonWeight(body) : Math.min(READING_BYTES, 3 * MOST_RATIO * body.length);
    if (held > READING_BYTES) return use(tooHeavy(held));
    await this.#gate.enter(held);
    try {
      const text = await decodedBody(body, encoding);
      if (!text)
        return await use(`a body of more than ${LARGEST_BODY_BYTES / MEBIBYTE} MiB after decompression`);
      const weight = isPlain ? held : jsonWeight(text);
      if (weight > READING_BYTES) return await use(tooHeavy(weight));
      // What was reserved for the decompression, beyond what is needed from here on.
      if (weight < held) {
        this.#gate.leave(held - weight);
        held = weight;
      }
      if (text.length === 0 && !isPlain) return await use("a body in an encoding that cannot be read");
      return await use({ json: parsed(text.toString("utf8")) });
    } finally {
      this.#gate.leave(held);
    }
  }
}

function tooHeavy(weight: Bytes): string {
  return Number.isFinite(weight)
    ? `a body whose values would take more than ${READING_BYTES / MEBIBYTE} MiB of memory`
    : "a body that is nested too deep";
}

function parsed(text: string): unknown {
  try {
    // A byte order mark is no part of JSON, and some clients send one.
    return JSON.parse(text.replace(/^\uFEFF/, "")) as unknown;
  } catch {
    return undefined;
  }
}
