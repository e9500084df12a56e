import { randomBytes } from "node:crypto";
import { closeSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { InvariantError, WorkError } from "../base/index.js";
import { removeAtEnd } from "./remove-at-end.js";

/** Locks that this process holds: its own id in a file is else one that an earlier process with that id left. */
const held = new Set<string>();

/** From making a lock to writing into it, at most. */
const writingTakesMs = 100;

/** Where the lock of a file lies. */
export function lockPath(file: string): string {
  return `${file}.lock`;
}

/**
 * The process that is recording into a file, by its lock; undefined when there is none. A lock whose process has ended
 * counts for nothing.
 */
export function fileWriter(file: string): number | undefined {
  const lock = lockPath(file);
  const holder = read(lock);
  return holder && isAlive(lock, holder) ? holder.pid : undefined;
}

/**
 * One writer a file: `FILE.lock` beside it, with the process's id, from {@link FileLock.take} to {@link FileLock.release}. A
 * lock that a killed process left is taken over.
 */
export class FileLock {
  readonly #path: string;
  readonly #keep: () => void;

  private constructor(path: string) {
    this.#path = path;
    held.add(path);
    this.#keep = removeAtEnd(path);
  }

  /**
   * Takes the lock.
   * @param file the file behind all links: two names of one file have one lock
   * @throws WorkError when another process, or this one, holds it, or the folder cannot be written
   */
  static take(file: string): FileLock {
    const path = lockPath(file);
    // Once to find a lock that was left, once to take its place, and once more for each of its other finders.
    for (let tries = 0; tries < 10; tries++) {
      try {
        create(path);
        return new FileLock(path);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT") throw new WorkError(`${file}: cannot be written (${code})`);
        if (code !== "EEXIST") throw new WorkError(`${file}: cannot be written (${code}: its lock ${path})`);
      }
      const text = settledContent(path);
      if (text === undefined) continue;
      const holder = parse(text);
      if (!holder && text !== "")
        throw new WorkError(`${file}: ${path} is there and holds no process id: remove it if nobody writes`);
      if (holder && isAlive(path, holder))
        throw new WorkError(
          `${file}: process ${holder.pid} is recording into it (${path}): stop that first, or give another path`,
        );
      removeStale(path, text);
    }
    throw new WorkError(`${file}: its lock ${path} is taken by one process after another`);
  }

  /** Gives the lock back; once. */
  release(): void {
    if (!held.delete(this.#path)) throw new InvariantError(`${this.#path}: released twice`);
    rmSync(this.#path, { force: true });
    this.#keep();
  }
}

interface Holder {
  readonly pid: number;
  /** When it started, as {@link startOf} tells. */
  readonly start: string;
}

/** @throws the file system's error, EEXIST when it is there */
function create(path: string): void {
  const file = openSync(path, "wx");
  try {
    writeSync(file, `${process.pid}\n${startOf(process.pid)}\n`);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** What a lock holds: one that is empty is being written, or nobody will. */
function settledContent(path: string): string | undefined {
  const text = content(path);
  if (text !== "") return text;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, writingTakesMs);
  return content(path);
}

function content(lock: string): string | undefined {
  try {
    return readFileSync(lock, "utf8");
  } catch {
    return undefined;
  }
}

function read(lock: string): Holder | undefined {
  const text = content(lock);
  return text === undefined ? undefined : parse(text);
}

function parse(text: string): Holder | undefined {
  const [, pid, start] = /^([1-9]\d{0,9})\n(.*)\n$/.exec(text) ?? [];
  return pid === undefined || start === undefined ? undefined : { pid: Number(pid), start };
}

function isAlive(lock: string, { pid, start }: Holder): boolean {
  const isOwn = pid === process.pid;
  if (isOwn && held.has(lock)) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Of another user's process one is told that it may not be sent signals.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = startOf(pid);
  // Where starts are not told, a lock with this process's id that it does not hold is an earlier process's.
  return start === "" || now === "" ? !isOwn : start === now;
}

/** The boot and the clock tick at which a process started, so that an id given out again is told apart; "" if unknown. */
function startOf(pid: number): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in the second field may hold spaces and brackets; the start is the twentieth field behind it.
    const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return start === undefined ? "" : `${boot} ${start}`;
  } catch {
    return "";
  }
}

/** Another process may have done so too and taken the lock since: that lock is put back. */
function removeStale(path: string, text: string): void {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  try {
    if (readFileSync(aside, "utf8") !== text) linkSync(aside, path);
  } catch {
    // Somebody has it by now: the next try finds out who.
  } finally {
    rmSync(aside, { force: true });
  }
}
