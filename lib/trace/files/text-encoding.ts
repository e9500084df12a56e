/** Encodings of text that are not UTF-8 and can be told by their first bytes. */
export type WideEncoding = "utf-16le" | "utf-16be" | "utf-32";

const lookedAt = 1024;

/**
 * The encoding of a text that begins with these bytes, where it is not UTF-8: by its byte order mark, or by zero bytes in
 * every other place, which ASCII in UTF-16 has (a shell's `>` on Windows writes such files).
 */
export function wideEncoding(head: Buffer): WideEncoding | undefined {
  const [a, b, c, d] = head;
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
    return "utf-32";
  if (a === 0xff && b === 0xfe) return "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  const zeros = [0, 0];
  const length = Math.min(lookedAt, head.length - (head.length % 2));
  for (let at = 0; at < length; at++) if (head[at] === 0) zeros[at % 2]++;
  const half = length / 2;
  if (half < 2) return undefined;
  if (zeros[1] > 0.7 * half && zeros[0] < 0.1 * half) return "utf-16le";
  if (zeros[0] > 0.7 * half && zeros[1] < 0.1 * half) return "utf-16be";
  return undefined;
}

/** Chunks of a text as UTF-8, whatever Unicode encoding they come in; UTF-8 passes as it is. */
export async function* asUtf8(
  chunks: AsyncIterable<Buffer>,
  refuse: (encoding: WideEncoding) => never,
): AsyncGenerator<Buffer> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let isFirst = true;
  for await (const chunk of chunks) {
    if (isFirst && chunk.length > 0) {
      isFirst = false;
      const encoding = wideEncoding(chunk);
      if (encoding === "utf-32") refuse(encoding);
      if (encoding) decoder = new TextDecoder(encoding);
    }
    yield decoder ? Buffer.from(decoder.decode(chunk, { stream: true })) : chunk;
  }
  if (decoder) yield Buffer.from(decoder.decode());
}
