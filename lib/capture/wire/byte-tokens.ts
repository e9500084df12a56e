const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The tokens of a text where no tokenizer is at hand: one UTF-8 byte, one token. Prefixes of a text become prefixes
 * of its tokens, which is all that block fingerprints need.
 * @returns ids from 0 to 255
 */
export function byteTokens(text: string): Int32Array {
  return Int32Array.from(encoder.encode(text));
}

/** The text behind byte tokens; ids outside 0..255 and bytes that are no UTF-8 read as U+FFFD. */
export function bytesText(ids: ArrayLike<number>): string {
  const bytes = new Uint8Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    bytes[i] = id >= 0 && id < 256 ? id : 0xff;
  }
  return decoder.decode(bytes);
}

/** How many tokens {@link byteTokens} makes of a text: its UTF-8 bytes. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
