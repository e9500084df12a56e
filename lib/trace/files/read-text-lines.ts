import { InputError } from "../../base/index.js";
import { LineSplitter } from "./line-splitter.js";
import { openBytes } from "./trace-bytes.js";

/**
 * The lines of a text file one by one, blank ones left out: as `readTextFile` reads it, a chunk at a time.
 * @throws InputError when it cannot be read, is in another encoding or packed otherwise, is cut off, or a line is longer than 256 MiB
 * @example
 * ```ts
 * import { writeFileSync } from "node:fs";
 * import { readTextLines } from "prefixlab/trace/files";
 * writeFileSync("two.jsonl", "1\n\n[2]\n");
 * const lines = [];
 * for await (const line of readTextLines("two.jsonl")) lines.push(line);
 * lines; // → ["1", "[2]"]
 * ```
 */
export async function* readTextLines(path: string): AsyncGenerator<string> {
  let lines: string[] = [];
  const splitter = new LineSplitter();
  const onLine = (bytes: Buffer, start: number, end: number) => {
    lines.push(bytes.toString("utf8", start, end));
  };
  const onTooLong = (line: number) => {
    throw new InputError(`${path}: line ${line} is longer than 256 MiB`);
  };
  const source = await openBytes(path);
  for await (const chunk of source) {
    splitter.push(chunk, onLine, onTooLong);
    yield* lines;
    lines = [];
  }
  splitter.finish(onLine, onTooLong);
  yield* lines;
  if (source.cutOff !== undefined) throw new InputError(`${path}: ${source.cutOff}`);
}
