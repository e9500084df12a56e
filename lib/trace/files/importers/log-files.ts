import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../../base/index.js";

/**
 * The files of a log: the file itself, or all JSON lines of a folder and the folders in it, in order of their names.
 * @throws InputError when a folder holds none
 */
export async function logFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [path];
  const names = await readdir(path, { recursive: true });
  const files = names.filter((name) => /\.jsonl(\.gz)?$/.test(name)).sort();
  if (files.length === 0) throw new InputError(`${path}: holds no .jsonl or .jsonl.gz file`);
  return files.map((name) => join(path, name));
}
