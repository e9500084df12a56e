import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { InputError } from "../base/index.js";
import { writeWhole } from "../output/index.js";
import { readTextFile } from "../trace/files/index.js";

/**
 * Reads a JSON document, gzip or not.
 * @throws InputError when it cannot be read or is no JSON
 */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await readTextFile(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path}: not a JSON document (${error instanceof Error ? error.message : error})`);
  }
}

/** Writes a JSON document on one line; a path that ends in `.gz` is gzip. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  const text = `${JSON.stringify(value)}\n`;
  await writeWhole(path, path.endsWith(".gz") ? await promisify(gzip)(text) : text);
}
