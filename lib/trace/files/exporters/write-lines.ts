import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { replaceFile } from "../../../output/index.js";

const batchChars = 1 << 16;

/**
 * Writes lines to a file as they are made, each with a line end, and whole or not at all; a path ending in `.gz` is compressed.
 * @throws WorkError when the file cannot be written
 */
export async function writeLines(path: string, lines: Iterable<string>): Promise<void> {
  await replaceFile(path, async (part, flags) => {
    const source = Readable.from(batched(lines), { objectMode: true });
    const file = createWriteStream(part, { flags });
    if (path.endsWith(".gz")) await pipeline(source, createGzip(), file);
    else await pipeline(source, file);
  });
}

function* batched(lines: Iterable<string>): Generator<string> {
  let text = "";
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length < batchChars) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}
