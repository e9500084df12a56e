import { randomBytes } from "node:crypto";
import { closeSync, fchmodSync, fchownSync, openSync } from "node:fs";
import { lstat, open, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { WorkError } from "../base/index.js";
import { fileWriter } from "./file-lock.js";
import { removeAtEnd } from "./remove-at-end.js";

/** Where the bytes of an output go. */
interface OutputTarget {
  /** The file behind the path, through links, whether it is there yet or not. */
  readonly path: string;
  /** False for what cannot be replaced: devices, pipes, and what `/dev/stdout` stands for. */
  readonly replaceable: boolean;
  readonly old?: { readonly mode: number; readonly uid: number; readonly gid: number };
}

/**
 * How `write` is to open what it is given, where it does not do so in one go: a part that was removed because the process
 * ends must not be made once more.
 */
export type OpenFlags = "r+" | "w";

/** Who replaces a file. */
export interface ReplaceOptions {
  /** The caller holds the file's lock. Default false. */
  readonly isOwn?: boolean;
  /** `write` itself sees to it that what it writes with "r+" is on the disk. Default false. */
  readonly isFlushed?: boolean;
}

/** Bytes of a temporary name that are the destination's own, so that the whole stays below what file systems allow. */
const nameBytes = 150;
const linksFollowed = 40;

/**
 * Writes a file whole or not at all: `write` gets the path of an empty file beside the destination, which takes
 * the destination's place once `write` is through and the bytes are on the disk. When `write` throws, or SIGINT or SIGTERM
 * ends the process, that file is removed and what was at the destination stays as it was. A link is kept and what it
 * leads to replaced; the old file's permissions are kept. A device or a pipe is written directly.
 * @returns what `write` returned
 * @throws WorkError when the destination cannot be written, or another process records into it
 */
export async function replaceFile<T>(
  path: string,
  write: (part: string, flags: OpenFlags) => Promise<T>,
  options: ReplaceOptions = {},
): Promise<T> {
  const target = await outputFile(path);
  if (!target.replaceable) return write(target.path, "w").catch((error) => cannotWrite(path, error));
  const writer = options.isOwn ? undefined : fileWriter(target.path);
  if (writer !== undefined)
    throw new WorkError(
      `${path}: process ${writer} is recording into it: stop that first, or give another path`,
    );
  const part = partPath(target.path);
  const release = removeAtEnd(part);
  try {
    createPart(part, target);
    const result = await write(part, "r+");
    if (!options.isFlushed) await flushed(part);
    await rename(part, target.path);
    return result;
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    return cannotWrite(path, error);
  } finally {
    release();
  }
}

/**
 * {@link replaceFile} for content that is in memory.
 * @throws WorkError when the destination cannot be written
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await replaceFile(
    path,
    async (part, flags) => {
      // Opened once for both: a call to the file system is handed to a thread, which costs more than what it does.
      const file = await open(part, flags);
      try {
        await file.writeFile(content);
        if (flags === "r+") await file.sync();
      } finally {
        await file.close();
      }
    },
    { isFlushed: true },
  );
}

/**
 * What a path to be written leads to.
 * @throws WorkError when it is a folder, or links in a circle
 */
export async function outputFile(path: string): Promise<OutputTarget> {
  // What these stand for is open elsewhere too: a file of that name would not be what the other end reads or writes.
  if (/^\/(dev|proc)\//.test(resolve(path))) return { path, replaceable: false };
  const found = await stat(path).catch(() => undefined);
  if (!found) return { path: await newFile(path, linksFollowed), replaceable: true };
  if (found.isDirectory())
    throw new WorkError(`${path}: cannot be written: expected a file or a new name, got a folder`);
  if (!found.isFile()) return { path, replaceable: false };
  const { mode, uid, gid } = found;
  return { path: await realpath(path), replaceable: true, old: { mode: mode & 0o7777, uid, gid } };
}

/** Follows links that lead to nothing yet. */
async function newFile(path: string, linksLeft: number): Promise<string> {
  const link = await lstat(path).catch(() => undefined);
  if (!link?.isSymbolicLink()) return path;
  if (linksLeft === 0) throw new WorkError(`${path}: cannot be written (links lead in a circle)`);
  return newFile(resolve(dirname(path), await readlink(path)), linksLeft - 1);
}

function partPath(path: string): string {
  let name = basename(path);
  while (Buffer.byteLength(name) > nameBytes) name = name.slice(0, -1);
  return join(dirname(path), `.${name}.${process.pid}-${randomBytes(6).toString("hex")}.part`);
}

/** In one go, so that no signal's handler comes in between and then finds nothing to remove. */
function createPart(part: string, { old }: OutputTarget): void {
  const file = openSync(part, "wx");
  try {
    if (!old) return;
    if (old.uid !== process.getuid?.() || old.gid !== process.getgid?.()) {
      try {
        fchownSync(file, old.uid, old.gid);
      } catch {
        // Another owner's file can be replaced by whoever may write in its folder, but not always be given back.
      }
    }
    fchmodSync(file, old.mode);
  } finally {
    closeSync(file);
  }
}

/** Renaming before the bytes are on the disk can leave an empty file when the power fails. */
async function flushed(part: string): Promise<void> {
  const file = await open(part, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A file system's refusal as a WorkError that names the path that was asked for; any other error as it is. */
export function cannotWrite(path: string, error: unknown): never {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof WorkError || code === undefined || syscall === undefined) throw error;
  throw new WorkError(`${path}: cannot be written (${code})`);
}
