import { fileWriter } from "../../output/index.js";
import type { RowProblem } from "../trace.js";
import { closedSchema, reasonsInWords, type TraceEnd } from "./end-line.js";
import { KeptRows } from "./kept-rows.js";
import { TraceChecks, type TraceChecksState } from "./trace-checks.js";

/** What a part of a file tells beside its records, as plain data. */
export interface FileFactsState {
  readonly records: number;
  readonly rejectedCount: number;
  readonly rejected: readonly RowProblem[];
  readonly warned: readonly RowProblem[];
  readonly schema: number;
  readonly end?: { readonly content: TraceEnd; readonly rows: number };
  readonly unrecorded: readonly (readonly [string, number])[];
  readonly cutOff?: string;
  readonly cutLine?: number;
  readonly writer?: number;
  readonly checks: TraceChecksState;
  /** Digests of the rows, in pieces, and the lines that they stand in: what rows of other parts repeat. */
  readonly digests: readonly Float64Array[];
  readonly jumps: readonly number[];
}

/** What a file, or parts of it put together in order, tells beside its records: rows left out, how it was closed, doubts. */
export class FileFacts {
  readonly checks: TraceChecks;
  readonly rejected: RowProblem[] = [];
  /** Of the meta line. */
  readonly warned: RowProblem[] = [];
  records = 0;
  rejectedCount = 0;
  schema = 1;
  /** Why the content ends early, and the last line where that is cut. */
  cutOff: string | undefined;
  cutLine: number | undefined;
  readonly #path: string;
  readonly #keptProblems: number;
  readonly #unrecorded = new Map<string, number>();
  #lastEnd: TraceEnd | undefined;
  #rowsAtEnd = 0;
  #writer: number | undefined;

  /**
   * @param keptProblems how many rejections to keep; all are counted
   * @param ofPart true where other parts of the file are to be added to it, or it to them
   */
  constructor(path: string, keptProblems: number, ofPart = false) {
    this.#path = path;
    this.#keptProblems = keptProblems;
    this.checks = new TraceChecks(ofPart);
  }

  reject(line: number, reason: string): void {
    this.rejectedCount++;
    if (this.rejected.length < this.#keptProblems) this.rejected.push({ line, reason });
  }

  takeEnd(end: TraceEnd): void {
    this.#lastEnd = end;
    for (const [reason, count] of Object.entries(end.unrecorded ?? {})) this.#countUnrecorded(reason, count);
    this.#rowsAtEnd = this.records + this.rejectedCount;
  }

  /** To be called behind the last row of the file. */
  noteWriter(): void {
    this.#writer = fileWriter(this.#path);
  }

  /** More rows than there are, by the closing line; undefined where it claims none. */
  get missingAtEnd(): string | undefined {
    return this.#lastEnd !== undefined && this.#lastEnd.records > this.records ? this.#closing() : undefined;
  }

  /** What a user should know, in a fixed order; once all was read. */
  warnings(): RowProblem[] {
    const found = [...this.warned];
    if (this.cutOff !== undefined) found.push({ line: 0, reason: this.cutOff });
    if (this.cutLine !== undefined)
      found.push({
        line: this.cutLine,
        reason: "the last line is cut: it has no line end and cannot be used",
      });
    const missing = this.#closing();
    if (missing !== undefined) found.push({ line: 0, reason: missing });
    if (this.#unrecorded.size > 0)
      found.push({
        line: 0,
        reason: `requests passed unrecorded while it was captured: ${reasonsInWords(Object.fromEntries(this.#unrecorded))}`,
      });
    return [...found, ...this.checks.warnings()];
  }

  /** Of a part of a file, which was made as one. */
  state(): FileFactsState {
    const kept = this.checks.kept as KeptRows;
    return {
      records: this.records,
      rejectedCount: this.rejectedCount,
      rejected: this.rejected,
      warned: this.warned,
      schema: this.schema,
      ...(this.#lastEnd && { end: { content: this.#lastEnd, rows: this.#rowsAtEnd } }),
      unrecorded: [...this.#unrecorded],
      ...(this.cutOff !== undefined && { cutOff: this.cutOff }),
      ...(this.cutLine !== undefined && { cutLine: this.cutLine }),
      ...(this.#writer !== undefined && { writer: this.#writer }),
      checks: this.checks.state(),
      digests: kept.digests,
      jumps: kept.jumps,
    };
  }

  /** Adds the part of the file behind all that was added. */
  merge(state: FileFactsState): void {
    const before = this.records + this.rejectedCount;
    this.records += state.records;
    this.rejectedCount += state.rejectedCount;
    for (const problem of state.rejected)
      if (this.rejected.length < this.#keptProblems) this.rejected.push(problem);
    this.warned.push(...state.warned);
    this.schema = Math.max(this.schema, state.schema);
    if (state.end) {
      this.#lastEnd = state.end.content;
      this.#rowsAtEnd = before + state.end.rows;
    }
    for (const [reason, count] of state.unrecorded) this.#countUnrecorded(reason, count);
    this.cutOff ??= state.cutOff;
    this.cutLine ??= state.cutLine;
    this.#writer ??= state.writer;
    this.checks.merge(state.checks, new KeptRows(state.digests, state.jumps));
  }

  #countUnrecorded(reason: string, count: number): void {
    this.#unrecorded.set(reason, (this.#unrecorded.get(reason) ?? 0) + count);
  }

  /** What the closing line, or its absence, says about rows that are not there. */
  #closing(): string | undefined {
    const rows = this.records + this.rejectedCount;
    const end = this.#lastEnd;
    if (end !== undefined && this.#rowsAtEnd === rows) {
      if (end.records !== rows)
        return `the recording was closed with ${end.records} records, ${rows} were read`;
      if (end.lost) return `${end.lost} records could not be written when it was recorded: they are missing`;
      return undefined;
    }
    if (end === undefined && this.schema < closedSchema) return undefined;
    return this.#writer === undefined
      ? "the recording was not closed: whoever wrote it was stopped; rows in flight are missing"
      : `the recording is not closed yet: process ${this.#writer} is writing it`;
  }
}
