import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { InputError } from "../base/index.js";
import { writeWhole } from "../output/index.js";

/**
 * Reads a JSON document; a path that ends in `.gz` is gzip.
 * @throws InputError when it is no JSON
 */
export async function readJsonFile(path: string): Promise<unknown> {
  const bytes = await readFile(path);
  try {
    const text = path.endsWith(".gz") ? await promisify(gunzip)(bytes) : bytes;
    return JSON.parse(text.toString("utf8"));
  } catch (error) {
    throw new InputError(`${path}: not a JSON document (${error instanceof Error ? error.message : error})`);
  }
}

/** Writes a JSON document on one line; a path that ends in `.gz` is gzip. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  const text = `${JSON.stringify(value)}\n`;
  await writeWhole(path, path.endsWith(".gz") ? await promisify(gzip)(text) : text);
}
