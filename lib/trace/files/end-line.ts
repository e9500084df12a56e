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
  /** Requests that passed a recording proxy without becoming records, by reason; since the end line before. */
  readonly unrecorded?: Readonly<Record<string, number>>;
}

/** Reasons that are read; a proxy tells fewer. */
const mostReasons = 1000;

/**
 * The content of an end line.
 * @throws RowError when it does not hold a count
 */
export function endFromJson(json: unknown): TraceEnd {
  if (json === null || typeof json !== "object" || Array.isArray(json))
    throw new RowError("end must be an object with the number of records");
  const { records, lost, unrecorded } = json as Record<string, unknown>;
  const count = checkedInt("end.records", records);
  if (count === undefined) throw new RowError("end.records is missing");
  const missing = checkedInt("end.lost", lost);
  return {
    records: count,
    ...(missing !== undefined && { lost: missing }),
    ...(unrecorded !== undefined && { unrecorded: countsFromJson(unrecorded) }),
  };
}

function countsFromJson(json: unknown): Record<string, number> {
  if (json === null || typeof json !== "object" || Array.isArray(json))
    throw new RowError("end.unrecorded must be an object of counts by reason");
  const counts = Object.entries(json).slice(0, mostReasons);
  return Object.fromEntries(
    counts.map(([reason, count]) => [
      reason,
      checkedInt(`end.unrecorded[${JSON.stringify(reason)}]`, count) ?? 0,
    ]),
  );
}

/** The closing line, without its line end. */
export function endToLine({ records, lost = 0, unrecorded = {} }: TraceEnd): string {
  const passed = Object.keys(unrecorded).length > 0 ? `, "unrecorded": ${JSON.stringify(unrecorded)}` : "";
  return `{"end": {"records": ${records}${lost > 0 ? `, "lost": ${lost}` : ""}${passed}}}`;
}

/** Counts by reason in words, the largest first: "3 x, 1 y". */
export function reasonsInWords(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(", ");
}

/** First schema version whose writers close their files with an end line. */
export const closedSchema = 2;
