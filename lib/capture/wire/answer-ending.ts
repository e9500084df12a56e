import type { AnswerLog } from "./answer-log.js";

/** How the transport of an exchange ended. */
export type TransportEnd =
  /** The answer came to its end in good order. */
  | "complete"
  /** The client went away first, or was stopped. */
  | "abort"
  /** The server could not be reached, or broke off. */
  | "disconnect"
  /** The client's time limit was reached. */
  | "timeout";

/**
 * The finish reason of a record. An HTTP error and an error in the answer are "error", whatever comes after them; an
 * answer that was complete before its transport ended otherwise is complete; one that ends in good order without saying
 * so, neither by a finish reason nor by an end mark, is "truncated". A finish reason is the server's own word.
 * @param status of HTTP; undefined when no head came
 */
export function answerEnding(
  answer: Pick<AnswerLog, "errorMessage" | "isDone"> | undefined,
  finishReason: string | undefined,
  transport: TransportEnd,
  status: number | undefined,
): string {
  if (status !== undefined && status >= 300) return "error";
  if (answer?.errorMessage !== undefined) return "error";
  if (finishReason !== undefined && (transport === "complete" || answer?.isDone)) return finishReason;
  if (transport !== "complete") return transport;
  return answer?.isDone ? "stop" : "truncated";
}
