import { InputError, type Ms, type Tokens } from "../../../base/index.js";
import { BlockTable } from "../../block-table.js";
import { importAssumptions } from "../../import-assumptions.js";
import { inArrivalOrder } from "../../in-arrival-order.js";
import { RowError } from "../../row-error.js";
import { isAnswered, type RowProblem, type Trace, type TraceMeta, type TraceRecord } from "../../trace.js";
import { requirePossibleCounts } from "../possible-counts.js";
import { TraceChecks } from "../trace-checks.js";
import { chunksReadTogether } from "./chunks-read-together.js";
import type { ImportOptions } from "./importer.js";
import { onOneClock } from "./on-one-clock.js";
import type { SourceClock } from "./source-clock.js";

/** The fields of a record, any of them undefined where the source does not say. */
export type RecordFields = { readonly [K in keyof TraceRecord]: TraceRecord[K] | undefined } & {
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
};

/** A record, where it came from, and whether another file or stream begins with it. */
interface Taken {
  readonly record: TraceRecord;
  readonly line: number;
  readonly startsStream: boolean;
}

/**
 * Collects the records of an import: checks each, counts what is left out, and ends with the same warnings about the
 * whole file as a trace in the tap schema gets.
 */
export class TraceBuilder {
  readonly blocks = new BlockTable();
  readonly #path: string;
  readonly #options: Pick<ImportOptions, "strict" | "timeUnit">;
  #blockSize: Tokens;
  #taken: Taken[] = [];
  #startsStream = false;
  #clock: SourceClock | undefined;
  readonly #rejected: RowProblem[] = [];
  readonly #warnings: RowProblem[] = [];
  readonly #assumptions: string[] = [];
  readonly #counted = new Map<string, { count: number; firstLine: number }>();

  /**
   * @param blockSize tokens a block, against which hash chains are checked
   * @param clock what arrivals were read from; undefined where the source names the unit beside each number
   */
  constructor(
    path: string,
    options: Pick<ImportOptions, "strict" | "timeUnit">,
    blockSize: Tokens,
    clock?: SourceClock,
  ) {
    this.#path = path;
    this.#options = options;
    this.#blockSize = blockSize;
    this.#clock = clock;
  }

  /** Which clock it is turns out only from the source's columns. */
  useClock(clock: SourceClock): void {
    this.#clock = clock;
  }

  /** The source tells its block size only once it is read. */
  useBlockSize(blockSize: Tokens): void {
    this.#blockSize = blockSize;
  }

  /** How many records there are so far. */
  get length(): number {
    return this.#taken.length;
  }

  /** Takes the record that `make` returns, if any; a RowError from it rejects the row with this line number. */
  row(line: number, make: () => RecordFields | undefined): void {
    try {
      const given = make();
      if (!given) return;
      const record = checkedRecord(this.#measured(given, line), this.#blockSize);
      this.#taken.push({ record, line, startsStream: this.#startsStream });
      this.#startsStream = false;
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      this.reject(line, error.message);
    }
  }

  /**
   * What an engine can have made: a TTFT, duration or mean gap of exactly 0, which tools write for what they did not measure,
   * is missing; an answer that began has the tokens of its chunks at least; and chunks that were read at once are one of
   * several tokens.
   */
  #measured(fields: RecordFields, line: number): RecordFields {
    if (fields.promptTokens === 0)
      throw new RowError("0 prompt tokens: a prompt that was sent is not empty, its length was not measured");
    const hasNoTtft = fields.ttftMs === 0;
    if (hasNoTtft) this.count("a TTFT of exactly 0: taken as not measured", line);
    const hasNoEnd = fields.elapsedMs === 0 && fields.outputTokens > 0;
    if (hasNoEnd) this.count("a duration of exactly 0: taken as not measured", line);
    const hasNoMean = fields.itlSummary?.meanMs === 0;
    if (hasNoMean) this.count("a mean gap of exactly 0: taken as not measured", line);
    const { itlMs, ttftMs } = fields;
    const hasBegun = ttftMs !== undefined && ttftMs > 0;
    const hasNoCount = fields.outputTokens === 0 && hasBegun && isAnswered(fields as TraceRecord);
    if (hasNoCount) this.count("0 output tokens beside a first token: counted by its chunks", line);
    const hasNoGaps = itlMs !== undefined && itlMs.length > 0 && itlMs.every((gapMs) => gapMs === 0);
    if (hasNoGaps) this.count("gaps of exactly 0 throughout: taken as not measured", line);
    const chunks = itlMs && !hasNoGaps && !fields.itlTokens && chunksReadTogether(itlMs);
    if (chunks)
      this.count("request whose client read chunks together: they are one chunk, of several tokens", line);
    return {
      ...fields,
      ...chunks,
      ...(hasNoTtft && { ttftMs: undefined }),
      ...(hasNoEnd && { elapsedMs: undefined }),
      ...(hasNoMean && { itlSummary: undefined }),
      ...(hasNoGaps && { itlMs: undefined, itlTokens: undefined }),
      ...(hasNoCount && { outputTokens: 1 + (hasNoGaps ? 0 : (itlMs?.length ?? 0)) }),
    };
  }

  /** Leaves a row out. @throws InputError under `strict` */
  reject(line: number, reason: string): void {
    if (this.#options.strict) throw new InputError(`${this.#path}: line ${line}: ${reason}`);
    this.#rejected.push({ line, reason });
    if (this.#rejected.length === 20 && this.length === 0)
      throw new InputError(
        `${this.#path}: is not of this format: none of its first 20 rows can be used; ` +
          `line ${this.#rejected[0]?.line}: ${this.#rejected[0]?.reason}`,
      );
  }

  /** The next row is of another file or stream: its clock may start over. */
  startStream(): void {
    this.#startsStream = true;
  }

  /** Says something about the whole source. */
  warn(reason: string): void {
    this.#warnings.push({ line: 0, reason });
  }

  /** Says what stands in for something that the source does not tell: kept with the trace, as numbers rest on it. */
  assume(words: string): void {
    this.warn(words);
    this.#assumptions.push(words);
  }

  /** Counts rows that share a doubt: at the end one warning "N x `what`" with the first line. */
  count(what: string, line: number): void {
    const seen = this.#counted.get(what);
    if (seen) seen.count++;
    else this.#counted.set(what, { count: 1, firstLine: line });
  }

  /**
   * The trace, in order of arrival. Arrivals may have been given relative to any moment: dates count from the earliest, and
   * so do times of which some are negative.
   * @throws InputError when no record was taken
   */
  finish(meta: TraceMeta): Trace {
    this.#setClock();
    const records = this.#taken.map(({ record }) => record);
    if (records.length === 0) {
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
    const assumptions = [...importAssumptions(meta), ...this.#assumptions];
    return {
      meta: assumptions.length === 0 ? meta : { ...meta, extra: { ...meta.extra, assumptions } },
      records: inArrivalOrder(records),
      blocks: this.blocks,
      rejected: this.#rejected.toSorted((a, b) => a.line - b.line),
      warnings: [...this.#warnings, ...counted, ...unmeasured(records), ...this.#checked()],
    };
  }

  #setClock(): void {
    if (this.#options.timeUnit !== undefined && !this.#clock)
      this.warn("the time unit that was given is not used: this source names the unit of each of its times");
    const { said, times } = onOneClock(
      this.#taken.map(({ record }) => record),
      this.#clock,
      this.#options.timeUnit,
    );
    for (const reason of said) this.assume(reason);
    this.#taken = this.#taken.flatMap((taken, at) => {
      const time = times[at];
      if (typeof time !== "string") return [{ ...taken, record: time as TraceRecord }];
      this.reject(taken.line, time);
      return [];
    });
  }

  #checked(): RowProblem[] {
    const checks = new TraceChecks();
    for (const { record, line, startsStream } of this.#taken) {
      if (startsStream) checks.startStream();
      checks.add(record, line, this.#blockSize);
    }
    return checks.warnings();
  }
}

/** Answered requests without a TTFT, where others have one: whatever it was that stood for "not measured". */
function unmeasured(records: readonly TraceRecord[]): RowProblem[] {
  const answered = records.filter(isAnswered);
  const without = answered.filter(({ ttftMs }) => ttftMs === undefined).length;
  if (without === 0 || without === answered.length) return [];
  return [
    {
      line: 0,
      reason: `${without} of ${answered.length} answered requests have no TTFT: it was not measured`,
    },
  ];
}

/** Drops undefined fields and checks the rest against each other, as the reader of the tap schema does. */
function checkedRecord(fields: RecordFields, blockSize: Tokens): TraceRecord {
  const { promptTokens, outputTokens, cachedTokens, blockIds, outputBlockIds } = fields;
  if (blockIds && blockIds.length * blockSize > promptTokens)
    throw new RowError(
      `${blockIds.length} full blocks of ${blockSize} tokens do not fit a prompt of ${promptTokens} tokens`,
    );
  const blocks = (blockIds?.length ?? 0) + (outputBlockIds?.length ?? 0);
  if (blocks * blockSize > promptTokens + outputTokens)
    throw new RowError(`${blocks} full blocks do not fit ${promptTokens + outputTokens} tokens`);
  // A claim that contradicts a fact is kept beside it, as the reader of the tap schema does.
  const isCachedPossible = cachedTokens === undefined || cachedTokens <= promptTokens;
  const kept = isCachedPossible
    ? fields
    : {
        ...fields,
        cachedTokens: undefined,
        extra: { ...fields.extra, server_cached_tokens: cachedTokens },
      };
  const record = Object.fromEntries(
    Object.entries(kept).filter(([, value]) => value !== undefined),
  ) as unknown as TraceRecord;
  requirePossibleCounts(record);
  return record;
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
