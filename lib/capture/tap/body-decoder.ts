import { constants, createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { GrownBytes } from "./grown-bytes.js";

/** Takes a body's bytes as they arrive and hands them on decompressed. */
export interface BodyDecoder {
  /** There was more of it than is read. */
  readonly isTooLong: boolean;
  /** Resolves, where it takes time, when the bytes have been handed on as far as they can be. */
  push(bytes: Buffer): Promise<void> | undefined;
  /** Resolves when everything that can be decompressed has been handed on. */
  end(): Promise<void>;
}

/** Bytes after decompression beyond which a body is no longer read: a few kilobytes can stand for gigabytes. */
export const LARGEST_BODY_BYTES = 32 * 1024 * 1024;

/**
 * A decoder for a `Content-Encoding`: identity, gzip, deflate or br. A damaged or cut body yields what comes before
 * the damage, a huge one its beginning.
 * @returns undefined for an encoding that is not known
 */
export function bodyDecoder(
  encoding: string | undefined,
  onBytes: (bytes: Buffer) => void,
): BodyDecoder | undefined {
  if (isIdentity(encoding))
    return {
      isTooLong: false,
      push(bytes) {
        onBytes(bytes);
        return undefined;
      },
      end: () => Promise.resolve(),
    };
  const decompress = decompressor(encoding.trim().toLowerCase());
  if (decompress === undefined) return undefined;
  const ended = new Promise<void>((resolve) => {
    decompress.once("end", resolve);
    decompress.once("error", () => resolve());
    decompress.once("close", resolve);
  });
  let bytesOut = 0;
  decompress.on("data", (bytes: Buffer) => {
    bytesOut += bytes.length;
    if (bytesOut > LARGEST_BODY_BYTES) decompress.destroy();
    else onBytes(bytes);
  });
  return {
    get isTooLong() {
      return bytesOut > LARGEST_BODY_BYTES;
    },
    push(bytes) {
      if (decompress.destroyed) return undefined;
      const taken = new Promise<void>((resolve) => decompress.write(bytes, () => resolve()));
      return Promise.race([taken, ended]);
    },
    end() {
      if (!decompress.destroyed) decompress.end();
      return ended;
    },
  };
}

/**
 * A whole body, decompressed; empty for an encoding that is not known.
 * @returns undefined when there is more of it than is read
 */
export async function decodedBody(
  body: Uint8Array,
  encoding: string | undefined,
): Promise<Buffer | undefined> {
  const whole = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (isIdentity(encoding)) return whole;
  const decoded = new GrownBytes(LARGEST_BODY_BYTES);
  const decoder = bodyDecoder(encoding, (bytes) => decoded.add(bytes));
  await decoder?.push(whole);
  await decoder?.end();
  if (decoder?.isTooLong) return undefined;
  const { buffer, byteOffset, byteLength } = decoded.take();
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** {@link decodedBody} as text; empty where there is more of it than is read. */
export async function decodeBody(body: Uint8Array, encoding: string | undefined): Promise<string> {
  return (await decodedBody(body, encoding))?.toString("utf8") ?? "";
}

/** The body is as it was before any encoding. */
export function isIdentity(encoding: string | undefined): encoding is undefined {
  return encoding === undefined || /^\s*(identity)?\s*$/i.test(encoding);
}

function decompressor(encoding: string) {
  // Without the final flush a cut body would end in an error before its last whole part.
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  if (encoding === "gzip" || encoding === "x-gzip") return createGunzip(options);
  if (encoding === "deflate") return createInflate(options);
  if (encoding === "br") return createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH });
  return undefined;
}
