import { describeValue, type JsonObject, type Ms } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { presentValue } from "./missing.js";
import { fieldOf } from "./row-fields.js";
import { isDate, timeUnits, unitMs } from "./time-unit.js";

/** When a call started and how long it took, as a gateway or tracing tool logs it. */
export interface CallTimes {
  /** Numbers are read as seconds: the clock of the file decides what they are. */
  readonly startMs: Ms | undefined;
  readonly ttftMs: Ms | undefined;
  readonly elapsedMs: Ms | undefined;
}

const starts = ["timestamp", "startTime", "start_time", "created_at", "createdAt", "request_time", "time"];
const firsts = [
  "completionStartTime",
  "completion_start_time",
  "firstTokenTime",
  "first_token_time",
  "first_token_at",
];
const ends = ["endTime", "end_time", "completed_at", "completedAt", "finished_at"];

/**
 * Start, first token and end of a call under the names that LiteLLM (standard logging payload), Langfuse and logs of servers
 * have for them: numbers, or dates and times. Where the first token is said to have come with the end, answers were not
 * streamed, and TTFT was not measured.
 * @throws RowError when one of them is no time, or they go backwards
 */
export function callTimes(row: JsonObject): CallTimes {
  const [start, first, end] = [starts, firsts, ends].map((names) => {
    const field = fieldOf(row, names);
    return { field, ms: dateOf(row, field) };
  }) as [Stamp, Stamp, Stamp];
  const whole = between(start, end);
  const toFirst = between(start, first);
  const isStreamed = whole === undefined || toFirst === undefined || toFirst < whole;
  return { startMs: start.ms, ttftMs: isStreamed ? toFirst : undefined, elapsedMs: whole };
}

interface Stamp {
  readonly field: string;
  readonly ms: Ms | undefined;
}

/** From one stamp to another, ms: where both are dates, in the unit in which they are. */
function between(from: Stamp, to: Stamp): Ms | undefined {
  if (from.ms === undefined || to.ms === undefined || to.ms === 0) return undefined;
  if (to.ms < from.ms) throw new RowError(`${to.field} is before ${from.field}`);
  const seconds = from.ms / 1000;
  const unit = timeUnits.find((known) => isDate(seconds, known)) ?? "s";
  return ((to.ms - from.ms) / 1000) * unitMs(unit);
}

/**
 * A number, or a date and time, as milliseconds; a number counts as seconds, a date without a zone as UTC. Undefined where
 * it is missing.
 * @throws RowError when it is something else
 */
export function dateOf(row: JsonObject, field: string): Ms | undefined {
  const value = presentValue(row[field]);
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= 0 && Number.isFinite(value * 1000)) return value * 1000;
  const ms = typeof value === "string" ? parseDate(value) : Number.NaN;
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new RowError(`${field} must be seconds or a date and time, got ${describeValue(value)}`);
}

/** ISO 8601 or alike, finer than Date has it; a text of digits is a number of seconds. */
function parseDate(text: string): Ms {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  if (!match) return Date.parse(text);
  const zone = match[4] ?? "Z";
  return Date.parse(`${match[1]}T${match[2]}${zone}`) + Number(match[3] ?? 0) * 1000;
}
