import { openBytes } from "./trace-bytes.js";

/**
 * The whole text of a file, without a byte order mark: UTF-8, or UTF-16 as Windows writes it; gzip or not.
 * @throws InputError when it cannot be read, or is in another encoding or packed otherwise
 * @example
 * ```ts
 * import { writeFileSync } from "node:fs";
 * import { readTextFile } from "prefixlab/trace/files";
 * writeFileSync("model.json", "\ufeff{}", "utf16le");
 * await readTextFile("model.json"); // → "{}"
 * ```
 */
export async function readTextFile(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await openBytes(path)) chunks.push(chunk);
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/^\ufeff/, "");
}
