import { stat } from "node:fs/promises";

/** The permissions of a file, in octal, where others than its owner may read it; undefined where they may not. */
export async function readableByOthers(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  // Windows has other permissions than these, and shows all files as readable.
  if (!found?.isFile() || process.platform === "win32" || (found.mode & 0o044) === 0) return undefined;
  return (found.mode & 0o777).toString(8);
}
