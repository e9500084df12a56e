import { InputError, type Ms, type WorkError, wholeMicros } from "../../base/index.js";
import { TraceWriter } from "../../trace/files/index.js";
import { type BlockTable, metaFromJson, type TraceMeta, type TraceRecord } from "../../trace/index.js";
import { type RecordingKind, recordingMeta, refusal } from "./continuable-trace.js";

/** Permissions of a trace: it tells when who asked how much. */
const OWNER_ONLY = 0o600;
/** While the disk refuses, how often it is tried again, and how often what waits is told anew. */
const RETRY_MS: Ms = 1_000;
const TELL_AGAIN_MS: Ms = 30_000;

/** How a recording goes into a file. */
export interface RecordingFileOptions {
  readonly traceOut: string;
  readonly kind: RecordingKind;
  /** Replaces a trace that is there. Default false: it is continued. */
  readonly isForced: boolean;
  /** The wall clock, in ms since 1970, when the tap's own clock read 0. */
  readonly startedAtMs: Ms;
  /** What is added to arrivals, where that is known: in the second thread of one tap. */
  readonly offsetMs?: Ms | undefined;
}

/**
 * The trace that a tap records into: begun, continued or replaced. Whatever keeps the disk from taking records is told
 * when it begins, again when its counts have changed after a while, and when it is over; records wait in memory meanwhile,
 * up to the writer's limit.
 */
export class RecordingFile {
  /** What the file told of the tokens behind its fingerprints; undefined for a new file. */
  readonly continuedMeta: TraceMeta | undefined;
  /** Added to arrivals, so that they go on on the clock of the file's first record. */
  readonly offsetMs: Ms;
  readonly #options: RecordingFileOptions;
  readonly #onProblem: (message: string) => void;
  readonly #timer: NodeJS.Timeout;
  /** Undefined while there is no file, because it was deleted. */
  #writer: TraceWriter | undefined;
  /** Records that were in the file when it was opened. */
  #recordsBefore: number;
  #meta: TraceMeta | undefined;
  /** Records lost with files that were deleted, and while there was none. */
  #lostBefore = 0;
  #isFailing = false;
  #toldAtMs = 0;
  #toldCounts = "";
  #checking: Promise<void> | undefined;

  private constructor(
    options: RecordingFileOptions,
    writer: TraceWriter,
    onProblem: (message: string) => void,
  ) {
    this.#options = options;
    this.#writer = writer;
    this.#onProblem = onProblem;
    this.continuedMeta = writer.continued?.meta;
    this.#recordsBefore = writer.continued?.rows ?? 0;
    this.offsetMs = options.offsetMs ?? this.#offset(writer);
    this.#timer = setInterval(() => {
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined;
      });
    }, RETRY_MS);
    this.#timer.unref();
  }

  /**
   * @throws InputError when the file is no trace that this recording can go on with
   * @throws WorkError when it cannot be written, or another process records into it
   */
  static async open(
    options: RecordingFileOptions,
    onProblem: (message: string) => void,
  ): Promise<RecordingFile> {
    const { traceOut, kind, isForced } = options;
    const writer = isForced
      ? await TraceWriter.open(traceOut, { mode: OWNER_ONLY })
      : await TraceWriter.resume(traceOut, {
          meta: metaFromJson(recordingMeta(kind)),
          metaLater: true,
          mode: OWNER_ONLY,
        });
    const reason = writer.continued && refusal(writer.continued.meta, kind);
    if (reason === undefined) return new RecordingFile(options, writer, onProblem);
    await writer.close();
    throw new InputError(`${traceOut}: ${reason}: give another path, or --force to replace it`);
  }

  /** Records of this recording that are in the file. */
  get written(): number {
    return (this.#writer?.written ?? 0) - this.#recordsBefore;
  }

  /** Records in the file, with those that were there before. */
  get inFile(): number {
    return this.#writer?.written ?? 0;
  }

  /** Records that are gone. */
  get lost(): number {
    return this.#lostBefore + (this.#writer?.lost ?? 0);
  }

  /** Writes the first line of a new file, once. */
  async begin(meta: TraceMeta): Promise<void> {
    if (this.#meta) return;
    this.#meta = meta;
    await this.#writer?.begin(meta);
    this.#noteFailure(this.#writer?.failure);
  }

  /**
   * Adds a record. Resolves when it is in the file, or waits because the disk does not take it.
   * @param blocks the table behind its block ids
   */
  async append(record: TraceRecord, blocks: BlockTable): Promise<void> {
    const writer = this.#writer;
    if (!writer) {
      this.#lostBefore++;
      return;
    }
    const { arrivalMs } = record;
    const shifted =
      arrivalMs === undefined ? record : { ...record, arrivalMs: wholeMicros(arrivalMs + this.offsetMs) };
    await writer.append(shifted, blocks).then(
      () => this.#noteFailure(undefined),
      (error: WorkError) => this.#noteFailure(error),
    );
  }

  /**
   * Ends the file with its counts.
   * @param unrecorded requests that did not become records, by reason
   * @returns records that are lost
   */
  async close(unrecorded: Readonly<Record<string, number>>): Promise<number> {
    clearInterval(this.#timer);
    await this.#checking;
    await this.#check();
    await this.#writer?.close(unrecorded).catch((error: WorkError) => this.#noteFailure(error));
    return this.lost;
  }

  #offset({ continued }: TraceWriter): Ms {
    if (!continued) return 0;
    const offsetMs = this.#options.startedAtMs - Number(continued.meta.extra.started_at);
    const latestMs = continued.latestMs ?? 0;
    if (offsetMs >= latestMs) return offsetMs;
    this.#onProblem(
      `tap: the clock is ${((latestMs - offsetMs) / 1000).toFixed(1)} s behind the end of ${this.#options.traceOut}: arrivals go on from there`,
    );
    return latestMs;
  }

  async #check(): Promise<void> {
    const writer = this.#writer;
    if (writer && this.#isFailing) {
      await writer.flush();
      this.#noteFailure(writer.failure);
    }
    if (writer && (await writer.isDeleted().catch(() => false))) await this.#letGo(writer);
    if (!this.#writer) await this.#beginAnew();
  }

  async #letGo(writer: TraceWriter): Promise<void> {
    const { traceOut } = this.#options;
    this.#onProblem(
      `tap: ${traceOut} was deleted while it was recorded, and ${writer.written} records with it: traffic goes on, a new file is begun when that can be done`,
    );
    this.#writer = undefined;
    await writer.close().catch(() => {});
    this.#lostBefore += writer.written - this.#recordsBefore + writer.lost;
    this.#recordsBefore = 0;
    this.#isFailing = false;
  }

  async #beginAnew(): Promise<void> {
    const { traceOut } = this.#options;
    const fresh = await TraceWriter.open(traceOut, { mode: OWNER_ONLY }).catch(() => undefined);
    if (!fresh) return;
    if (this.#meta) await fresh.begin(this.#meta);
    this.#writer = fresh;
    this.#onProblem(`tap: recording goes on in a new ${traceOut}; ${this.#lostBefore} records are lost`);
  }

  /** Says when the disk begins to refuse, when counts have changed after a while, and when it takes records again. */
  #noteFailure(failure: WorkError | undefined): void {
    const waiting = this.#writer?.waiting ?? 0;
    const counts = `${waiting} records wait, ${this.lost} are lost`;
    if (!failure) {
      if (!this.#isFailing || waiting > 0) return;
      this.#isFailing = false;
      this.#onProblem(`tap: ${this.#options.traceOut} is written again; ${this.lost} records are lost`);
      return;
    }
    const nowMs = performance.now();
    const isNew = !this.#isFailing;
    this.#isFailing = true;
    if (!isNew && (counts === this.#toldCounts || nowMs - this.#toldAtMs < TELL_AGAIN_MS)) return;
    this.#toldAtMs = nowMs;
    this.#toldCounts = counts;
    this.#onProblem(
      `tap: ${failure.message}: traffic goes on, ${isNew ? "records wait and are tried again" : counts}`,
    );
  }
}
