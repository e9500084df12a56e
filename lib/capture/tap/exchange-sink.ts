import type { Ms, Tokens } from "../../base/index.js";
import type { JsonValue } from "../../trace/index.js";
import type { Headers } from "../wire/index.js";
import type { Outcome } from "./exchange-records.js";
import type { TimedLoss } from "./loss-teller.js";
import type { ResponseHead } from "./response-log.js";

/** A request as it went by, once the upstream has begun to answer it or it is over. */
export interface SeenRequest {
  /** Path and query. */
  readonly target: string;
  readonly body: Uint8Array;
  readonly contentEncoding: string | undefined;
  /** For questions to the upstream beside the traffic, by header name; never written. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Headers that may name a session, an agent or a trace; never written. */
  readonly named: Headers;
}

/** How an exchange went on and ended. Times are ms since the start of the capture. */
export interface SeenAnswer {
  /** Undefined when the upstream sent none. */
  readonly head: ResponseHead | undefined;
  readonly body: Uint8Array;
  /** Where in `body` the bytes of each socket read end, and when they were read. */
  readonly readEnds: Float64Array;
  readonly readAtMs: Float64Array;
  readonly outcome: Outcome;
  /** When the request was whole. */
  readonly arrivalMs: Ms;
  readonly endedMs: Ms;
  /** Requests in flight at its arrival, itself included. */
  readonly concurrency: number;
}

/** Counts by reason of what a recording could not do. */
export interface RecordNotes {
  readonly unrecorded: Readonly<Record<string, number>>;
  readonly withoutHashes: Readonly<Record<string, number>>;
}

/** How a sink opened its file. */
export interface OpenedFile {
  /** Records that were in it. */
  readonly recordsBefore: number;
  /** Added to arrivals, so that they go on on the clock of the file's first record. */
  readonly offsetMs: Ms;
  /** Arrivals of this capture go on in a trace that was there. */
  readonly isContinued: boolean;
}

/** Takes what the tap saw and turns it into records. */
export interface ExchangeSink {
  /**
   * Resolves when the file is open.
   * @throws InputError or WorkError when it cannot be, or is no trace to go on with
   */
  readonly opened: Promise<OpenedFile>;
  /** Records written. */
  readonly recordCount: number;
  /** Records that were made, or should have been, and are not in the file. */
  readonly lostCount: number;
  /** Completions that passed unrecorded, and records without block hashes, by reason. */
  readonly notes: RecordNotes;
  /** The first half of exchange `id`; its body may be taken away. */
  request(id: number, seen: SeenRequest): void;
  /** The second half of exchange `id`; its body may be taken away. */
  answer(id: number, seen: SeenAnswer): void;
  /** Instead of its second half: exchange `id` passed and will be no record. Its first half, if it came, is dropped. */
  pass(id: number, reason: string): void;
  /**
   * Resolves when everything is written, or is given up because that takes too long.
   * @param passed requests that passed and were none of the sink's, by reason, for the closing line
   */
  close(passed: Readonly<Record<string, number>>): Promise<void>;
}

/** What a sink needs to know. */
export interface SinkOptions {
  /** Base URL of the upstream, for its version and its tokenizer. */
  readonly upstream: string;
  readonly traceOut: string;
  /** Replaces a trace that is there. Default false: it is continued. */
  readonly isForced?: boolean;
  /** The wall clock, in ms since 1970, when the capture's clock read 0. */
  readonly startedAtMs: Ms;
  /** Added to arrivals, where that is known: in the second thread of one tap. */
  readonly offsetMs?: Ms;
  readonly blockSize: Tokens;
  readonly recordTokens: boolean;
  /** Key of the fingerprints; undefined: plain FNV-1a. */
  readonly fingerprintKey: Uint8Array | undefined;
  /** Further facts for the trace's meta line; they go before what the upstream tells. */
  readonly meta?: Readonly<Record<string, JsonValue>>;
  /** A tokenizer.json, for what the upstream's own tokenizer cannot be asked. */
  readonly tokenizerFile?: string;
  /** Tells requests that lost a prefix. Default false. */
  readonly explains?: boolean;
}

/** What a sink tells the tap. */
export interface SinkListener {
  /** A line for the user. */
  readonly onProblem: (message: string) => void;
  /** Nothing is kept of these exchanges any more. */
  readonly onSettled: (ids: readonly number[]) => void;
  /** A request lost a prefix that it should have had. */
  readonly onLoss?: (loss: TimedLoss) => void;
}

/** Opens a sink. */
export type OpenSink = (options: SinkOptions, listener: SinkListener) => ExchangeSink;
