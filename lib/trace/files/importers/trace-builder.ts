import { InputError, type Ms, type Tokens } from "../../../base/index.js";
import { BlockTable } from "../../block-table.js";
import { inArrivalOrder } from "../../in-arrival-order.js";
import { RowError } from "../../row-error.js";
import type { RowProblem, Trace, TraceMeta, TraceRecord } from "../../trace.js";
import { TraceChecks } from "../trace-checks.js";
import { chunksReadTogether } from "./chunks-read-together.js";

/** The fields of a record, any of them undefined where the source does not say. */
export type RecordFields = { readonly [K in keyof TraceRecord]: TraceRecord[K] | undefined } & {
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
};

/**
 * Collects the records of an import: checks each, counts what is left out, and ends with the same warnings about the
 * whole file as a trace in the tap schema gets.
 */
export class TraceBuilder {
  readonly blocks = new BlockTable();
  readonly #path: string;
  readonly #strict: boolean;
  readonly #blockSize: Tokens;
  readonly #checks = new TraceChecks();
  readonly #records: TraceRecord[] = [];
  readonly #rejected: RowProblem[] = [];
  readonly #warnings: RowProblem[] = [];
  readonly #counted = new Map<string, { count: number; firstLine: number }>();

  /** @param blockSize tokens a block, against which hash chains are checked */
  constructor(path: string, strict: boolean | undefined, blockSize: Tokens) {
    this.#path = path;
    this.#strict = strict === true;
    this.#blockSize = blockSize;
  }

  /** How many records there are so far. */
  get length(): number {
    return this.#records.length;
  }

  /** Takes the record that `make` returns, if any; a RowError from it rejects the row with this line number. */
  row(line: number, make: () => RecordFields | undefined): void {
    try {
      const given = make();
      if (!given) return;
      const fields = this.#measured(given, line);
      const record = checkedRecord(fields, this.#blockSize);
      this.#checks.add(record, line, this.#blockSize);
      this.#records.push(record);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      this.reject(line, error.message);
    }
  }

  /**
   * What an engine can have made: a TTFT or duration of exactly 0, which tools write for what they did not measure, is
   * missing, and chunks that were read at once are one of several tokens.
   */
  #measured(fields: RecordFields, line: number): RecordFields {
    const hasNoTtft = fields.ttftMs === 0;
    if (hasNoTtft) this.count("a TTFT of exactly 0: taken as not measured", line);
    const hasNoEnd = fields.elapsedMs === 0 && fields.outputTokens > 0;
    const chunks = fields.itlMs && !fields.itlTokens && chunksReadTogether(fields.itlMs);
    if (chunks)
      this.count("request whose client read chunks together: they are one chunk, of several tokens", line);
    return {
      ...fields,
      ...chunks,
      ...(hasNoTtft && { ttftMs: undefined }),
      ...(hasNoEnd && { elapsedMs: undefined }),
    };
  }

  /** Leaves a row out. @throws InputError under `strict` */
  reject(line: number, reason: string): void {
    if (this.#strict) throw new InputError(`${this.#path}: line ${line}: ${reason}`);
    this.#rejected.push({ line, reason });
    if (this.#rejected.length === 20 && this.#records.length === 0)
      throw new InputError(
        `${this.#path}: is not of this format: none of its first 20 rows can be used; ` +
          `line ${this.#rejected[0]?.line}: ${this.#rejected[0]?.reason}`,
      );
  }

  /** The next row is of another file or stream: its clock may start over. */
  startStream(): void {
    this.#checks.startStream();
  }

  /** Says something about the whole source. */
  warn(reason: string): void {
    this.#warnings.push({ line: 0, reason });
  }

  /** Counts rows that share a doubt: at the end one warning "N x `what`" with the first line. */
  count(what: string, line: number): void {
    const seen = this.#counted.get(what);
    if (seen) seen.count++;
    else this.#counted.set(what, { count: 1, firstLine: line });
  }

  /**
   * The trace, in order of arrival. Arrivals may have been given relative to any moment: the earliest becomes 0 where
   * some are negative.
   * @throws InputError when no record was taken
   */
  finish(meta: TraceMeta): Trace {
    if (this.#records.length === 0) {
      const first = this.#rejected[0];
      throw new InputError(
        first
          ? `${this.#path}: holds no usable record: ${this.#rejected.length} rejected, the first at line ${first.line}: ${first.reason}`
          : `${this.#path}: holds no record`,
      );
    }
    const counted = [...this.#counted].map(([what, { count, firstLine }]) => ({
      line: firstLine,
      reason: `${count} x ${what}`,
    }));
    return {
      meta,
      records: inArrivalOrder(fromZero(this.#records)),
      blocks: this.blocks,
      rejected: this.#rejected.toSorted((a, b) => a.line - b.line),
      warnings: [...this.#warnings, ...counted, ...this.#checks.warnings()],
    };
  }
}

/** Arrivals moved so that none is negative: where they count from the first row and another one came earlier. */
function fromZero(records: TraceRecord[]): TraceRecord[] {
  const earliestMs = records.reduce((low, { arrivalMs }) => Math.min(low, arrivalMs ?? 0), 0);
  if (earliestMs === 0) return records;
  return records.map((record) =>
    record.arrivalMs === undefined ? record : { ...record, arrivalMs: record.arrivalMs - earliestMs },
  );
}

/** Drops undefined fields and checks the rest against each other, as the reader of the tap schema does. */
function checkedRecord(fields: RecordFields, blockSize: Tokens): TraceRecord {
  const { promptTokens, outputTokens, cachedTokens, blockIds, outputBlockIds } = fields;
  if (cachedTokens !== undefined && cachedTokens > promptTokens)
    throw new RowError(`cached tokens (${cachedTokens}) must not exceed prompt tokens (${promptTokens})`);
  if (blockIds && blockIds.length * blockSize > promptTokens)
    throw new RowError(
      `${blockIds.length} full blocks of ${blockSize} tokens do not fit a prompt of ${promptTokens} tokens`,
    );
  const blocks = (blockIds?.length ?? 0) + (outputBlockIds?.length ?? 0);
  if (blocks * blockSize > promptTokens + outputTokens)
    throw new RowError(`${blocks} full blocks do not fit ${promptTokens + outputTokens} tokens`);
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as unknown as TraceRecord;
}

/**
 * The mean gap between tokens as a summary, from the time between first and last token; undefined where either is
 * unknown or there is no gap.
 * @throws RowError when the last token comes before the first
 */
export function summaryOf(
  decodeMs: Ms | undefined,
  outputTokens: Tokens,
): { readonly meanMs: Ms; readonly count: number } | undefined {
  if (decodeMs === undefined || outputTokens < 2) return undefined;
  if (decodeMs < 0) throw new RowError(`the last token comes ${-decodeMs} ms before the first`);
  return { meanMs: decodeMs / (outputTokens - 1), count: outputTokens - 1 };
}
