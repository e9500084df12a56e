import type { Ms, Tokens } from "../../base/index.js";
import type { ServerUsage } from "../wire/index.js";

/** Why a request did not deliver its whole answer. */
export type FailureReason =
  /** The server answered with an HTTP error, or an error inside the stream. */
  | "error"
  /** No complete answer within the client's time limit. */
  | "timeout"
  /** No connection, or the connection broke. */
  | "disconnect"
  /** The stream ended in good order without finish reason or end mark. */
  | "truncated"
  /** The client was stopped while the request was in flight. */
  | "abort";

/** Why, and in whose words. */
export interface Failure {
  readonly reason: FailureReason;
  readonly detail: string;
  /** Of HTTP, where the server answered with an error. */
  readonly status?: number;
  /** What it answered then. Never written anywhere: servers repeat what they were sent. */
  readonly body?: string;
}

/** What one streaming request looked like from the client. Times are on the monotonic clock of `performance.now()`. */
export interface Exchange {
  /** When the client handed the request to its HTTP layer: the arrival. */
  readonly sentAtMs: Ms;
  /** When its bytes went to a socket; undefined when none could be had. */
  readonly writtenAtMs?: Ms;
  /** Time of each socket read that brought output. */
  readonly chunkAtMs: readonly Ms[];
  /** Output tokens that each of those reads brought. */
  readonly chunkTokens: readonly Tokens[];
  /** The end of the answer, or of hope. */
  readonly endedAtMs: Ms;
  readonly text: string;
  /** Of all that was generated, thinking and tool calls included. */
  readonly characters: number;
  /** As the server tells them; undefined when it does not. */
  readonly promptTokenIds?: readonly number[];
  readonly outputTokenIds?: readonly number[];
  /** As the server counts. */
  readonly usage?: ServerUsage;
  /** Events of the stream that nothing is known of. */
  readonly unknownEvents?: number;
  /** As the server gave it: "stop", "length", ... */
  readonly finishReason?: string;
  readonly failure?: Failure;
}
