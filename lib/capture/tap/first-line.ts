import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { InputError } from "../../base/index.js";

/** Bytes that are read of a file to see its first line, and characters that it may have. */
const MOST_BYTES = 1024 * 1024;

/**
 * The first line of a file, decompressed where it is gzip; empty when it has no end within a mebibyte.
 * @param shown path for messages
 * @throws InputError when it cannot be read
 */
export async function firstLine(path: string, shown: string): Promise<string> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`${shown}: cannot be read (${error.code ?? error.message})`);
  });
  let head: Buffer;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
    head = buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
  const text = head[0] === 0x1f && head[1] === 0x8b ? await unpacked(head) : head;
  const end = text.indexOf(0x0a);
  return end < 0 ? "" : text.subarray(0, end).toString("utf8");
}

/** What a cut piece of gzip begins with, up to the limit or its damage. */
function unpacked(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const gunzip = createGunzip();
    const parts: Buffer[] = [];
    let length = 0;
    const end = () => resolve(Buffer.concat(parts));
    gunzip.on("data", (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (part.includes(0x0a) || length > MOST_BYTES) {
        gunzip.destroy();
        end();
      }
    });
    gunzip.on("end", end);
    gunzip.on("error", end);
    gunzip.end(bytes);
  });
}
