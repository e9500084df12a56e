import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { describeValue, InputError } from "../../base/index.js";
import { asUtf8, wideEncoding } from "./text-encoding.js";

const chunkBytes = 1 << 20;

/** Bytes that are decompressed together, which a damaged place takes with it: few where a file begins and ends. */
const pieceBytes = 1 << 16;
const smallPieceBytes = 1 << 12;

/** The content of a file, decompressed and in UTF-8, chunk by chunk. */
export interface ByteSource extends AsyncIterable<Buffer> {
  /** Size of the file on disk. */
  readonly totalBytes: number;
  /** Bytes of the file taken so far, before decompression. */
  readonly bytesRead: number;
  /** Why the content ends early, once iteration is over: a gzip stream that was cut off. */
  readonly cutOff: string | undefined;
}

/**
 * Opens a file for reading in chunks of bounded size; content that begins with the gzip signature is decompressed,
 * whatever the file is called, and UTF-16 is turned into UTF-8. A gzip stream that ends in the middle yields all that can be decompressed and then
 * sets `cutOff`, since a capture that was killed leaves such a file.
 * @param fromByte where to begin, in a file that is neither compressed nor UTF-16 (see {@link isPlainText})
 * @throws InputError when there is no such file, it is a directory, it cannot be read, or is named `.gz` and is
 * not gzip
 */
export async function openBytes(path: string, fromByte = 0): Promise<ByteSource> {
  const { size, gzip } = await look(path);
  let bytesRead = 0;
  let cutOff: string | undefined;
  async function* read(): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(path, {
      ...(fromByte > 0 && { start: fromByte }),
      highWaterMark: gzip ? chunkBytes >> 3 : chunkBytes,
    })) {
      bytesRead += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  }
  return {
    totalBytes: size,
    get bytesRead() {
      return bytesRead;
    },
    get cutOff() {
      return cutOff;
    },
    [Symbol.asyncIterator]: () =>
      asUtf8(
        gzip
          ? gunzipped(read(), size, (reason) => {
              cutOff = reason;
            })
          : read(),
        (encoding) => {
          throw new InputError(`${path}: is ${encoding.toUpperCase()}: save it as UTF-8`);
        },
      ),
  };
}

/** Whether the bytes of a file are its content, so that it can be read from any place. */
export async function isPlainText(path: string): Promise<boolean> {
  const { gzip, size } = await look(path);
  if (gzip || size === 0) return false;
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(Math.min(size, chunkBytes));
    await file.read(head, 0, head.length, 0);
    return wideEncoding(head) === undefined;
  } finally {
    await file.close();
  }
}

async function look(path: string): Promise<{ size: number; gzip: boolean }> {
  if (typeof path !== "string" || path === "")
    throw new InputError(`openBytes: path must be a file path, got ${describeValue(path)}`);
  const found = await stat(path).catch(() => undefined);
  // A pipe can be read once, from its begin.
  if (found && !found.isFile() && !found.isDirectory()) return { size: 0, gzip: path.endsWith(".gz") };
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw new InputError(
      error.code === "ENOENT"
        ? `${path}: no such file`
        : `${path}: cannot be read (${error.code ?? error.message})`,
    );
  });
  try {
    if (found?.isDirectory()) throw new InputError(`${path}: is a directory, a trace is a file`);
    const head = Buffer.alloc(4);
    const { bytesRead } = await file.read(head, 0, 4, 0);
    const gzip = bytesRead >= 2 && head[0] === 0x1f && head[1] === 0x8b;
    const other = packing(head);
    if (other)
      throw new InputError(`${path}: is ${other}, which is not read: unpack it, or pack it with gzip`);
    if (!gzip && bytesRead >= 2 && path.endsWith(".gz"))
      throw new InputError(`${path}: is named .gz but holds no gzip data`);
    return { size: found?.size ?? 0, gzip };
  } finally {
    await file.close();
  }
}

/** What a file is packed with, by its first bytes, where it is not gzip. */
function packing(head: Buffer): string | undefined {
  const magic = head.toString("hex");
  if (magic === "28b52ffd") return "zstd";
  if (magic === "fd377a58") return "xz";
  if (magic.startsWith("425a68")) return "bzip2";
  if (magic === "504b0304") return "a zip archive";
  if (magic === "50415231") return "Parquet";
  return undefined;
}

/**
 * The stream is ended only after all its output has been taken: Node drops the output of the last write when the
 * end of the input turns out to be missing.
 */
async function* gunzipped(
  source: AsyncIterable<Buffer>,
  totalBytes: number,
  onCutOff: (reason: string) => void,
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: chunkBytes >> 1 });
  const ready: Buffer[] = [];
  let failure: (Error & { code?: string }) | undefined;
  gunzip.on("data", (chunk: Buffer) => ready.push(chunk));
  gunzip.on("error", (error: Error & { code?: string }) => {
    failure = error;
  });
  let taken = 0;
  // A write that fails never calls back: the stream closes instead.
  const closed = new Promise<void>((resolve) => gunzip.once("close", resolve));
  try {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length && !failure; ) {
        const isEdge = taken + at < pieceBytes || taken + at + 2 * pieceBytes > totalBytes;
        const to = at + (isEdge ? smallPieceBytes : pieceBytes);
        await Promise.race([written(gunzip, chunk.subarray(at, to)), closed]);
        at = to;
      }
      taken += chunk.length;
      yield* ready.splice(0);
      if (failure) break;
    }
    await nextTurn();
    yield* ready.splice(0);
    if (!failure) {
      gunzip.end();
      await closed;
    }
    yield* ready.splice(0);
  } finally {
    gunzip.destroy();
  }
  if (!failure && gunzip.bytesWritten < taken)
    onCutOff(`${taken - gunzip.bytesWritten} bytes behind the gzip data were not read`);
  if (failure)
    onCutOff(
      failure.code === "Z_BUF_ERROR"
        ? "the gzip stream is cut off; what could be decompressed was read"
        : `the gzip stream is damaged (${failure.message}): rows from near there on are lost`,
    );
}

function written(gunzip: Gunzip, chunk: Buffer): Promise<void> {
  return new Promise((resolve) => gunzip.write(chunk, () => resolve()));
}
