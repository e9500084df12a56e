import { type Ms, quantile } from "../../../base/index.js";
import { meanGapMs, type TraceRecord } from "../../trace.js";
import { resolveClock, type SourceClock, type TypicalDurations } from "./source-clock.js";
import { isDate, type TimeUnit } from "./time-unit.js";

/** No capture lasts longer, and no request: a hundred years. */
const longestMs = 3.156e12;

/** Dates begin here, ms: later than any time since the start of a capture. */
const dateMs = 1e11;

/** Records with their times as they are, or why a record cannot be used. */
export interface Timed {
  readonly times: readonly (TraceRecord | string)[];
  /** What was guessed. */
  readonly said: readonly string[];
}

/**
 * Puts the arrivals of a source on one clock, in milliseconds: in the unit that all of them point to, from the earliest one
 * where they are dates or some are negative. A date of 0 was not recorded.
 */
export function onOneClock(
  records: readonly TraceRecord[],
  clock: SourceClock | undefined,
  given: TimeUnit | undefined,
): Timed {
  const read = records.flatMap(({ arrivalMs }) => (arrivalMs === undefined ? [] : [arrivalMs]));
  const resolved =
    clock && (read.length > 0 || clock.toldByDurations)
      ? resolveClock(clock, read, given, typicalOf(records))
      : undefined;
  const also = new Set(clock?.also ?? []);
  const same = (ms: Ms) => ms;
  const rescale = resolved?.rescale ?? same;
  const scaled = (of: "ttftMs" | "elapsedMs" | "gaps") => (also.has(of) ? rescale : same);
  const areDates = resolved?.isDate ?? false;
  const hasArrived = (ms: Ms | undefined): ms is Ms => ms !== undefined && !(areDates && ms === 0);
  const earliest = read.reduce(
    (low, ms) => (hasArrived(ms) && ms < low ? ms : low),
    Number.POSITIVE_INFINITY,
  );
  const origin = areDates || earliest < 0 || rescale(earliest) > dateMs ? earliest : 0;
  const times = records.map((record) => {
    const { arrivalMs, ttftMs, elapsedMs, itlMs, itlSummary, ...rest } = record;
    const timed: TraceRecord = {
      ...rest,
      ...(hasArrived(arrivalMs) && { arrivalMs: rescale(arrivalMs - origin) }),
      ...(ttftMs !== undefined && { ttftMs: scaled("ttftMs")(ttftMs) }),
      ...(elapsedMs !== undefined && { elapsedMs: scaled("elapsedMs")(elapsedMs) }),
      ...(itlMs && { itlMs: also.has("gaps") ? itlMs.map(rescale) : itlMs }),
      ...(itlSummary && { itlSummary: { ...itlSummary, meanMs: scaled("gaps")(itlSummary.meanMs) } }),
    };
    const isOther = areDates && hasArrived(arrivalMs) && clock && !isDate(rescale(arrivalMs), "ms");
    if (isOther) return `${clock.field} is no date as those of the other rows are`;
    const long = [timed.arrivalMs, timed.ttftMs, timed.elapsedMs].some(
      (ms) => ms !== undefined && !(ms <= longestMs),
    );
    return long
      ? `${clock?.field ?? "a time"} lies more than 100 years behind the start: no clock shows that`
      : timed;
  });
  return { times, said: resolved?.said === undefined ? [] : [resolved.said] };
}

function typicalOf(records: readonly TraceRecord[]): TypicalDurations {
  const ttftMs = medianOf(records.map((record) => record.ttftMs));
  const gapMs = medianOf(records.map(meanGapMs));
  return { ...(ttftMs !== undefined && { ttftMs }), ...(gapMs !== undefined && { gapMs }) };
}

function medianOf(values: readonly (Ms | undefined)[]): Ms | undefined {
  const known = values.filter((ms): ms is Ms => ms !== undefined);
  return known.length < 8 ? undefined : quantile(known, 0.5);
}
