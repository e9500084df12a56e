import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { describeValue, InputError } from "../../base/index.js";

const chunkBytes = 1 << 20;

/** The content of a file, decompressed, chunk by chunk. */
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
 * whatever the file is called. A gzip stream that ends in the middle yields all that can be decompressed and then
 * sets `cutOff`, since a capture that was killed leaves such a file.
 * @throws InputError when there is no such file, it is a directory, it cannot be read, or is named `.gz` and is
 * not gzip
 */
export async function openBytes(path: string): Promise<ByteSource> {
  const { size, gzip } = await look(path);
  let bytesRead = 0;
  let cutOff: string | undefined;
  async function* read(): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(path, {
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
      gzip
        ? gunzipped(read(), (reason) => {
            cutOff = reason;
          })
        : read(),
  };
}

async function look(path: string): Promise<{ size: number; gzip: boolean }> {
  if (typeof path !== "string" || path === "")
    throw new InputError(`openBytes: path must be a file path, got ${describeValue(path)}`);
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw new InputError(
      error.code === "ENOENT"
        ? `${path}: no such file`
        : `${path}: cannot be read (${error.code ?? error.message})`,
    );
  });
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) throw new InputError(`${path}: is a directory, a trace is a file`);
    const head = Buffer.alloc(2);
    const { bytesRead } = await file.read(head, 0, 2, 0);
    const gzip = bytesRead === 2 && head[0] === 0x1f && head[1] === 0x8b;
    if (!gzip && bytesRead === 2 && path.endsWith(".gz"))
      throw new InputError(`${path}: is named .gz but holds no gzip data`);
    return { size: stat.size, gzip };
  } finally {
    await file.close();
  }
}

/**
 * The stream is ended only after all its output has been taken: Node drops the output of the last write when the
 * end of the input turns out to be missing.
 */
async function* gunzipped(
  source: AsyncIterable<Buffer>,
  onCutOff: (reason: string) => void,
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: chunkBytes >> 1 });
  const ready: Buffer[] = [];
  let failure: (Error & { code?: string }) | undefined;
  gunzip.on("data", (chunk: Buffer) => ready.push(chunk));
  gunzip.on("error", (error: Error & { code?: string }) => {
    failure = error;
  });
  // A write that fails never calls back: the stream closes instead.
  const closed = new Promise<void>((resolve) => gunzip.once("close", resolve));
  try {
    for await (const chunk of source) {
      await Promise.race([written(gunzip, chunk), closed]);
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
