import { isAnswered, type TraceRecord } from "../trace/index.js";

/** What became of requests. Of those sent, each is complete, timed out or unanswered for another reason. */
export interface Outcomes {
  readonly requests: number;
  readonly sent: number;
  readonly completed: number;
  /** Given up by their client, by whether it had seen a first token. */
  readonly timedOutBeforeFirstToken: number;
  readonly timedOutAfterFirstToken: number;
  /** Failed, refused, or cut off by the end of the capture. */
  readonly unanswered: number;
  /** They wait for a request that was not answered. */
  readonly neverSent: number;
}

/**
 * Counts what became of requests, by their finish reasons.
 * @example
 * ```ts
 * import { countOutcomes } from "prefixlab/cohorts";
 * const cut = { promptTokens: 100, outputTokens: 0, elapsedMs: 900, finishReason: "timeout" };
 * const { sent, completed, timedOutBeforeFirstToken } = countOutcomes([{ ...cut }, { ...cut, finishReason: "never sent" }]);
 * [sent, completed, timedOutBeforeFirstToken]; // → [1, 0, 1]
 * ```
 */
export function countOutcomes(records: readonly TraceRecord[]): Outcomes {
  let [completed, before, after, neverSent] = [0, 0, 0, 0];
  for (const record of records) {
    if (isAnswered(record)) completed++;
    else if (record.finishReason === "never sent") neverSent++;
    else if (record.finishReason === "timeout") {
      if (record.ttftMs === undefined && record.outputTokens === 0) before++;
      else after++;
    }
  }
  const sent = records.length - neverSent;
  return {
    requests: records.length,
    sent,
    completed,
    timedOutBeforeFirstToken: before,
    timedOutAfterFirstToken: after,
    unanswered: sent - completed - before - after,
    neverSent,
  };
}
