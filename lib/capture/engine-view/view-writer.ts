import { type FileHandle, open, rm } from "node:fs/promises";
import { engineViewPath } from "../../trace/files/index.js";
import type { JsonValue } from "../../trace/index.js";

/** Where a capture's clock begins, and whether it goes on in a file that is there. */
export interface CaptureStart {
  /** Unix time in ms at which the capture's clock reads 0. */
  readonly unixMs: number;
  /** The trace is continued: so is the view. Else a view that is there is another capture's, and is replaced. */
  readonly isContinued: boolean;
}

/** Lines of a moment of the wall clock: the capture's clock may not have begun yet. */
export type Line = (startUnixMs: number) => Readonly<Record<string, JsonValue>>;

/** Lines that wait longer than this many characters for the disk, or for the capture's start, are dropped and counted. */
const MOST_WAITING = 16 * 1024 * 1024;

/**
 * Writes a view line by line beside its trace, each whole line with the operating system as soon as it can be, so that a
 * killed capture loses only what was under way. The file is made with its first line, so there is none of an engine that
 * says nothing. What the disk refuses is dropped and counted, and the rest goes on.
 */
export class ViewWriter {
  readonly #path: string;
  readonly #onProblem: (message: string) => void;
  readonly #early: Line[] = [];
  #start: CaptureStart | undefined;
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #file: FileHandle | undefined;
  #writing: Promise<void> | undefined;
  #isTorn = false;
  #failure: string | undefined;
  /** Lines that are not in the file. */
  lostLines = 0;

  /** @param traceOut the trace that it stands beside */
  constructor(traceOut: string, onProblem: (message: string) => void) {
    this.#path = engineViewPath(traceOut);
    this.#onProblem = onProblem;
  }

  get path(): string {
    return this.#path;
  }

  /** From now on lines are written; those before it follow, with times before the capture's start. */
  begin(start: CaptureStart, meta: Readonly<Record<string, JsonValue>>): void {
    if (this.#start) return;
    this.#start = start;
    if (!start.isContinued) this.#writing = this.#removeOld();
    const head = { engine_view: { ...meta, started_at: new Date(start.unixMs).toISOString() } };
    const early = this.#early.splice(0);
    this.#early.push(() => head);
    for (const line of early) this.add(line);
  }

  add(line: Line): void {
    if (!this.#start) {
      if (this.#early.length < 10_000) this.#early.push(line);
      else this.lostLines++;
      return;
    }
    const text = [...this.#early.splice(0), line].map(
      (each) => `${JSON.stringify(each(this.#start!.unixMs))}\n`,
    );
    const whole = text.join("");
    if (this.#waitingCharacters + whole.length > MOST_WAITING) {
      this.lostLines++;
      this.#fail("the disk is too slow for it");
      return;
    }
    this.#waiting.push(whole);
    this.#waitingCharacters += whole.length;
    this.#writing ??= this.#drain();
  }

  /** Resolves when everything is written, or given up. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  /** A view that is there is that of a trace which is there no more. */
  async #removeOld(): Promise<void> {
    await rm(this.#path, { force: true }).catch(() => {});
    await this.#drain();
  }

  async #drain(): Promise<void> {
    // Waits a turn, so that lines added in one go share a write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.length;
      const text = this.#waiting.splice(0).join("");
      this.#waitingCharacters = 0;
      try {
        this.#file ??= await open(this.#path, this.#start?.isContinued ? "a" : "w");
        await this.#file.appendFile(this.#isTorn ? `\n${text}` : text);
        this.#isTorn = false;
        this.#failure = undefined;
      } catch (error) {
        this.#isTorn = this.#file !== undefined;
        this.lostLines += lines;
        this.#fail((error as NodeJS.ErrnoException).code ?? (error as Error).message);
      }
    }
    this.#writing = undefined;
  }

  /** Says it once for each time that it begins. */
  #fail(reason: string): void {
    if (this.#failure === reason) return;
    this.#failure = reason;
    this.#onProblem(`${this.#path}: the engine's own view cannot be written (${reason})`);
  }
}
