import { checkedInt } from "../row-checks.js";
import { RowError } from "../row-error.js";

/**
 * What the closing line of a trace says, `{"end": {"records": N}}`: rows in the whole file, and what the writer could not
 * write. A file that was continued has several, each with the count up to there.
 */
export interface TraceEnd {
  readonly records: number;
  /** Records that the writer had and the disk did not take. */
  readonly lost?: number;
}

/**
 * The content of an end line.
 * @throws RowError when it does not hold a count
 */
export function endFromJson(json: unknown): TraceEnd {
  if (json === null || typeof json !== "object" || Array.isArray(json))
    throw new RowError("end must be an object with the number of records");
  const { records, lost } = json as Record<string, unknown>;
  const count = checkedInt("end.records", records);
  if (count === undefined) throw new RowError("end.records is missing");
  const missing = checkedInt("end.lost", lost);
  return { records: count, ...(missing !== undefined && { lost: missing }) };
}

/** The closing line, without its line end. */
export function endToLine({ records, lost = 0 }: TraceEnd): string {
  return `{"end": {"records": ${records}${lost > 0 ? `, "lost": ${lost}` : ""}}}`;
}

/** First schema version whose writers close their files with an end line. */
export const closedSchema = 2;
