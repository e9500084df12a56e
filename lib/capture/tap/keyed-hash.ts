import { createHash, createHmac } from "node:crypto";

/**
 * A name for something that must not be written itself: equal for equal things of one kind, told by nobody without the
 * key. HMAC-SHA256 under the trace's key, its beginning in hex; without a key plain SHA-256, which whoever guesses the
 * content can compare.
 * @param kind keeps names of different kinds apart
 */
export function keyedHash(key: Uint8Array | undefined, kind: string, content: string, digits = 16): string {
  const hash = key ? createHmac("sha256", key) : createHash("sha256");
  return hash.update(`${kind}\0${content}`).digest("hex").slice(0, digits);
}
