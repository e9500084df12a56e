import type { Tokens } from "../../base/index.js";
import { isUnknownEnding } from "../finish-reasons.js";
import type { RowProblem, TraceRecord } from "../trace.js";
import { KeptRows } from "./kept-rows.js";
import { DigestSet } from "./row-digest.js";
import { UnitChecks, type UnitChecksState } from "./unit-checks.js";

/** A doubt that rows share: how many, and the first. */
interface Doubt {
  count: number;
  firstLine: number;
}

/** By how much times that are rounded each on its own may contradict each other. */
const roundingMs = 1;

/** Fields of which a warning is kept: their names come from the file. */
const keptFields = 20;
/** Of a part of a file: some of them may be among the first of the whole. */
const keptFieldsOfPart = 10_000;

/** What `TraceChecks` of a part of a file found, as plain data. */
export interface TraceChecksState {
  readonly records: number;
  readonly withArrival: number;
  readonly withHashes: number;
  readonly withTtft: number;
  readonly doubts: readonly (readonly [string, { readonly count: number; readonly firstLine: number }])[];
  readonly tooLarge: readonly (readonly [string, { readonly count: number; readonly firstLine: number }])[];
  readonly unknownEndings: readonly string[];
  readonly units: UnitChecksState;
  /** The latest arrival before the part, and up to its end; undefined where there was none. */
  readonly latestBeforeMs?: number;
  readonly latestMs?: number;
}

/** Watches records go by in file order and says at the end what a user should know about the whole file. */
export class TraceChecks {
  readonly #digests: DigestSet | undefined;
  /** The digests of all rows, where rows of other parts of the file are to be compared with them. */
  readonly kept: KeptRows | undefined;
  readonly #units = new UnitChecks();
  readonly #doubts = new Map<string, Doubt>();
  readonly #unknownEndings = new Set<string>();
  #records = 0;
  #withArrival = 0;
  #withHashes = 0;
  #withTtft = 0;
  readonly #tooLarge = new Map<string, Doubt>();
  #lastArrivalMs = Number.NEGATIVE_INFINITY;
  #arrivalBeforeMs = Number.NEGATIVE_INFINITY;

  /** @param ofPart true to keep the digests of all rows instead of looking for those that repeat */
  constructor(ofPart = false) {
    this.#digests = ofPart ? undefined : new DigestSet();
    this.kept = ofPart ? new KeptRows() : undefined;
  }

  /** Takes note of a record before the part, which counts elsewhere. */
  addBefore({ arrivalMs }: TraceRecord): void {
    if (arrivalMs === undefined || arrivalMs < this.#lastArrivalMs) return;
    this.#lastArrivalMs = this.#arrivalBeforeMs = arrivalMs;
  }

  state(): TraceChecksState {
    return {
      records: this.#records,
      withArrival: this.#withArrival,
      withHashes: this.#withHashes,
      withTtft: this.#withTtft,
      doubts: [...this.#doubts],
      tooLarge: [...this.#tooLarge],
      unknownEndings: [...this.#unknownEndings],
      units: this.#units.state(),
      ...(Number.isFinite(this.#arrivalBeforeMs) && { latestBeforeMs: this.#arrivalBeforeMs }),
      ...(Number.isFinite(this.#lastArrivalMs) && { latestMs: this.#lastArrivalMs }),
    };
  }

  /** Adds what was found in the part of the file behind all that was added. */
  merge(state: TraceChecksState, rows: KeptRows): void {
    this.#records += state.records;
    this.#withArrival += state.withArrival;
    this.#withHashes += state.withHashes;
    this.#withTtft += state.withTtft;
    for (const [kind, doubt] of state.doubts) this.#doubt(kind, doubt.firstLine, doubt.count);
    for (const [field, doubt] of state.tooLarge) this.addTooLarge(doubt.firstLine, field, doubt.count);
    for (const ending of state.unknownEndings)
      if (this.#unknownEndings.size < 5) this.#unknownEndings.add(ending);
    this.#units.merge(state.units);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, state.latestMs ?? Number.NEGATIVE_INFINITY);
    let before = 0;
    for (const digests of rows.digests) {
      for (let k = 0; k < digests.length; k++)
        if (this.#digests?.seenBefore(digests[k])) this.#doubt("duplicate", rows.lineOf(before + k));
      before += digests.length;
    }
  }

  /** The latest arrival so far; undefined without one. */
  get latestMs(): number | undefined {
    return Number.isFinite(this.#lastArrivalMs) ? this.#lastArrivalMs : undefined;
  }

  /** Takes note of a record and of its row's digest. */
  add(record: TraceRecord, line: number, blockSize: Tokens, digest?: number): void {
    this.#records++;
    if (digest !== undefined) {
      this.kept?.add(line, digest);
      if (this.#digests?.seenBefore(digest)) this.#doubt("duplicate", line);
    }
    this.#units.add(record);
    if (record.ttftMs !== undefined) this.#withTtft++;
    if (record.arrivalMs !== undefined) {
      this.#withArrival++;
      if (record.arrivalMs < this.#lastArrivalMs) this.#doubt("order", line);
      else this.#lastArrivalMs = record.arrivalMs;
    }
    if (record.blockIds) {
      this.#withHashes++;
      if (record.blockIds.length < Math.floor(record.promptTokens / blockSize))
        this.#doubt("short chain", line);
    }
    const claimed = record.extra?.server_cached_tokens;
    if (typeof claimed === "number" && claimed > record.promptTokens) this.#doubt("cached", line);
    const { finishReason } = record;
    if (finishReason !== undefined && isUnknownEnding(finishReason)) {
      this.#doubt("ending", line);
      if (this.#unknownEndings.size < 5) this.#unknownEndings.add(finishReason);
    }
    if (record.itlMs && !record.itlTokens && record.itlMs.length >= Math.max(1, record.outputTokens))
      this.#doubt("gaps", line);
    const { ttftMs = 0, elapsedMs = Number.POSITIVE_INFINITY } = record;
    if (ttftMs > elapsedMs + roundingMs) this.#doubt("elapsed", line);
  }

  /** A value of the row is NaN or an infinity, as Python writes them, and was read as missing. */
  addNaN(line: number): void {
    this.#doubt("nan", line);
  }

  /** A field that is only carried through holds a number beyond a double, and was left out. */
  addTooLarge(line: number, field: string, count = 1): void {
    const doubt = this.#tooLarge.get(field);
    if (doubt) doubt.count += count;
    else if (this.#tooLarge.size < (this.kept ? keptFieldsOfPart : keptFields))
      this.#tooLarge.set(field, { count, firstLine: line });
  }

  /** The next record is of another file or stream: its arrival is not compared with the last one's. */
  startStream(): void {
    this.#lastArrivalMs = Number.NEGATIVE_INFINITY;
  }

  /** What was found, in a fixed order. */
  warnings(): RowProblem[] {
    const found: RowProblem[] = [];
    const all = (line: number, reason: string | undefined) => reason && found.push({ line, reason });
    const n = this.#records;
    all(
      ...this.#told(
        "duplicate",
        (c) =>
          `${rows(c, "repeats", "repeat")} an earlier line byte for byte and ${c === 1 ? "is" : "are"} kept`,
      ),
    );
    all(
      ...this.#told(
        "order",
        (c) => `${rows(c, "arrives", "arrive")} before a row further up; records are sorted by arrival`,
      ),
    );
    all(
      ...this.#told(
        "short chain",
        (c) => `${rows(c, "has", "have")} fewer block hashes than full blocks in the prompt`,
      ),
    );
    all(
      ...this.#told(
        "cached",
        (c) =>
          `${rows(c, "claims", "claim")} more cached tokens than prompt tokens: kept as server_cached_tokens, and not used`,
      ),
    );
    const endings = [...this.#unknownEndings].map((reason) => JSON.stringify(reason)).join(", ");
    all(
      ...this.#told(
        "ending",
        (c) =>
          `${rows(c, "ends", "end")} with a finish reason that is not known, taken for an answer: ${endings}`,
      ),
    );
    all(...this.#told("gaps", (c) => `${rows(c, "has", "have")} as many gaps as output tokens, or more`));
    all(
      ...this.#told(
        "elapsed",
        (c) => `${rows(c, "has", "have")} a ttft_ms above elapsed_ms: one of the two is not what it says`,
      ),
    );
    all(
      ...this.#told(
        "nan",
        (c) =>
          `${rows(c, "holds", "hold")} NaN or an infinity: ${c === 1 ? "it counts" : "they count"} as missing`,
      ),
    );
    for (const [field, { count, firstLine }] of this.#tooLarge)
      all(
        firstLine,
        `${field} is a number beyond what a double holds in ${rows(count, "", "").trim()}: left out`,
      );
    if (this.#withArrival === 0)
      all(0, "no row has arrival_ms: the order of the file stands for the order of arrival");
    else if (this.#withArrival < n)
      all(0, `${n - this.#withArrival} of ${n} rows have no arrival_ms: they come last`);
    if (this.#withHashes === 0) all(0, "no row has block_hashes: no sharing between prompts is assumed");
    else if (this.#withHashes < n)
      all(0, `${n - this.#withHashes} of ${n} rows have no block_hashes: they are assumed to share nothing`);
    if (this.#withTtft === 0) all(0, "no row has ttft_ms: the trace holds no latencies");
    if (n === 1) all(0, "the trace holds one request only");
    for (const reason of this.#units.warnings()) all(0, reason);
    return found;
  }

  #doubt(kind: string, line: number, count = 1): void {
    const doubt = this.#doubts.get(kind);
    if (doubt) doubt.count += count;
    else this.#doubts.set(kind, { count, firstLine: line });
  }

  #told(kind: string, text: (count: number) => string): [number, string | undefined] {
    const doubt = this.#doubts.get(kind);
    return doubt ? [doubt.firstLine, text(doubt.count)] : [0, undefined];
  }
}

function rows(count: number, oneDoes: string, manyDo: string): string {
  return count === 1 ? `1 row ${oneDoes}` : `${count} rows ${manyDo}`;
}
