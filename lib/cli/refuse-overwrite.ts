import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { InputError } from "../base/index.js";

/**
 * Makes sure that writing a file destroys none of the files that a command reads. Files are compared by what they are,
 * so that a symbolic or hard link to an input counts as that input. A folder among the inputs stands for the files in
 * it.
 * @param out path of the file to be written; without one there is nothing to refuse
 * @param inputs paths of the files that are read
 * @throws InputError when `out` is one of them
 */
export function refuseOverwrite(out: string | undefined, inputs: readonly string[]): void {
  const target = out === undefined ? undefined : fileAt(out);
  // Devices and pipes, such as /dev/null, hold nothing that a write would destroy.
  if (out === undefined || !target?.isFile()) return;
  for (const input of inputs) {
    const source = fileAt(input);
    if (!source) continue;
    const inside = source.isDirectory() && same(source, fileAt(dirname(realpathSync(out))));
    if (!inside && !same(source, target)) continue;
    const which = inside ? `lies in the input folder ${input}` : `is the same file as the input ${input}`;
    throw new InputError(`${out}: ${which}, and would be overwritten: give another path to write to`);
  }
}

function fileAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    // What cannot be seen is not there to be overwritten; whoever opens it says what is wrong with it.
    return undefined;
  }
}

function same(a: Stats, b: Stats | undefined): boolean {
  return b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
