import type { Tokens } from "../../base/index.js";
import { type Quantiles, summarizeCohort } from "../../cohorts/index.js";
import { isAnswered, type TraceRecord } from "../../trace/index.js";

/** How one of several servers fared. */
export interface ServerRow {
  /** Its place among the addresses, as its records have it. */
  readonly replica: number;
  readonly url: string;
  /** Sent to it. */
  readonly requests: number;
  /** Of these, those that it did not answer whole. */
  readonly failed: number;
  /** Of the requests sent to it. */
  readonly promptTokens: Tokens;
  /** Found, as the server tells, of the prompt tokens of those of which it tells; undefined where it tells of none. */
  readonly hitShare: number | undefined;
  readonly ttftMs: Quantiles;
}

/** How the servers of a live replay fared, one row each. */
export function serverRows(urls: readonly string[], records: readonly TraceRecord[]): ServerRow[] {
  return urls.map((url, replica) => {
    const own = records.filter((record) => record.replica === String(replica));
    const told = own.filter(({ cachedTokens }) => cachedTokens !== undefined);
    const queried = sum(told, ({ promptTokens }) => promptTokens);
    return {
      replica,
      url,
      requests: own.length,
      failed: own.filter((record) => !isAnswered(record)).length,
      promptTokens: sum(own, ({ promptTokens }) => promptTokens),
      hitShare: queried === 0 ? undefined : sum(told, ({ cachedTokens = 0 }) => cachedTokens) / queried,
      ttftMs: summarizeCohort(own).ttftMs,
    };
  });
}

function sum(records: readonly TraceRecord[], of: (record: TraceRecord) => Tokens): Tokens {
  return records.reduce((total, record) => total + of(record), 0);
}
