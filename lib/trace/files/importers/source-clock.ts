import { type Ms, quantile } from "../../../base/index.js";
import { isDate, rescaler, type TimeUnit, timeUnits, unitMs, unitText } from "./time-unit.js";

/** A clock of a source, as its importer read it. */
export interface SourceClock {
  /** The field that arrivals come from. */
  readonly field: string;
  /** The unit in which its numbers were read: the format's own. */
  readonly unit: TimeUnit;
  /** Nothing says what the unit is: less is needed to take another, and what was taken is always said. */
  readonly open?: boolean;
  /** Durations that are differences of this clock, and change with its unit. */
  readonly also?: readonly ("ttftMs" | "elapsedMs" | "gaps")[];
  /** Whether durations of `also` tell the unit, because the format gives them without one. */
  readonly toldByDurations?: boolean;
  /** Whether arrivals may lie far apart or close together, so that distances tell nothing of the unit. */
  readonly anyDistance?: boolean;
}

/** What the clock of a source turned out to be. */
export interface ResolvedClock {
  readonly unit: TimeUnit;
  /** From what was read to milliseconds. */
  readonly rescale: (ms: Ms) => Ms;
  /** Whether its numbers are dates: times since 1970, not since the start. */
  readonly isDate: boolean;
  /** What a user should know, where the unit was a guess. */
  readonly said?: string;
}

/** Medians of what was read, where there are at least eight of each. */
export interface TypicalDurations {
  readonly ttftMs?: Ms;
  readonly gapMs?: Ms;
}

/** Requests a second beyond which a whole trace is rather one in another unit, and seconds between two. */
const fastest = 1000;
const slowestGapMs = 86_400_000;
/** Requests this far apart are a log over months, or a short one in a smaller unit: nothing in them tells which. */
const doubtfulGapMs = 600_000;
const slowestOpenGapMs = 60_000;

/**
 * Decides in which unit a clock counts, from all its values: as dates, which are told apart by their size, or else by how far
 * arrivals are apart. The format's unit stands unless the values are not possible in it.
 * @param readMs arrivals in milliseconds, if `clock.unit` is the unit
 * @param given the unit that the user says it is
 */
export function resolveClock(
  clock: SourceClock,
  readMs: readonly Ms[],
  given: TimeUnit | undefined,
  durations: TypicalDurations = {},
): ResolvedClock {
  const values = readMs.map((ms) => ms / unitMs(clock.unit));
  const as = (unit: TimeUnit, said?: string): ResolvedClock => ({
    unit,
    rescale: rescaler(clock.unit, unit),
    isDate: areDates(values, unit),
    ...(said !== undefined && { said }),
  });
  if (given !== undefined) return as(given);
  const dated = timeUnits.find((unit) => areDates(values, unit));
  if (dated !== undefined) {
    if (dated === clock.unit) return as(dated);
    return as(
      dated,
      guess(clock, dated, `as ${unitText(clock.unit)} its values are no dates of this century`),
    );
  }
  const told = clock.toldByDurations ? unitOfDurations(clock, durations) : undefined;
  if (told) return as(told.unit, told.said);
  const gapMs = clock.anyDistance ? undefined : meanGapMs(readMs);
  if (gapMs === undefined || gapMs === 0) return as(clock.unit);
  const candidates = timeUnits.filter((unit) =>
    isPossible(rescaler(clock.unit, unit)(gapMs), readMs.length, clock),
  );
  const usual = candidates.filter((unit) => isUsual(rescaler(clock.unit, unit)(gapMs)));
  const others = (usual.length > 0 ? usual : candidates).sort(nearest(clock.unit));
  const [likely] = candidates.includes(clock.unit) ? [clock.unit] : others;
  if (likely !== undefined && likely !== clock.unit) {
    const apart = `${gapMs.toPrecision(3)} ms`;
    return as(likely, guess(clock, likely, `as ${unitText(clock.unit)} requests would be ${apart} apart`));
  }
  if (!clock.open && gapMs > doubtfulGapMs && readMs.length >= 8)
    return as(
      clock.unit,
      `${clock.field} is read as ${unitText(clock.unit)}, its own unit, in which requests are ${(gapMs / 1000).toPrecision(3)} s apart: --time-unit says what it is where that is too long`,
    );
  return as(
    clock.unit,
    clock.open
      ? `${clock.field} is read as ${unitText(clock.unit)}, which nothing in the source tells: --time-unit says what it is`
      : undefined,
  );
}

/**
 * The unit in which durations are possible, where they are not in the clock's own: a first token takes between 0.5 ms and 10
 * minutes, a further one between 0.1 ms and 3 s. Undefined where they are possible, or in no unit.
 */
function unitOfDurations(clock: SourceClock, { ttftMs, gapMs }: TypicalDurations) {
  if (ttftMs === undefined && gapMs === undefined) return undefined;
  const isPossibleIn = (unit: TimeUnit) => {
    const rescale = rescaler(clock.unit, unit);
    const within = (ms: Ms | undefined, low: Ms, high: Ms) =>
      ms === undefined || (rescale(ms) >= low && rescale(ms) <= high);
    return within(ttftMs, 0.5, 600_000) && within(gapMs, 0.1, 3000);
  };
  if (isPossibleIn(clock.unit)) return undefined;
  const [unit] = timeUnits.filter(isPossibleIn).sort(nearest(clock.unit));
  if (unit === undefined) return undefined;
  const shown =
    gapMs === undefined
      ? `TTFT would be ${(ttftMs as Ms).toPrecision(3)}`
      : `gaps would be ${gapMs.toPrecision(3)}`;
  return { unit, said: guess(clock, unit, `as ${unitText(clock.unit)} ${shown} ms`) };
}

function guess(clock: SourceClock, unit: TimeUnit, why: string): string {
  return `${clock.field} is read as ${unitText(unit)}, a guess: ${why}; --time-unit says what it is`;
}

/** Most values are dates in this unit, and as close together as those of one capture. */
function areDates(values: readonly number[], unit: TimeUnit): boolean {
  const dates = values.filter((value) => isDate(value, unit));
  if (dates.length === 0 || dates.length < 0.5 * values.length) return false;
  const [low, high] = [quantile(dates, 0), quantile(dates, 1)] as [number, number];
  return high - low <= 0.1 * high;
}

/** Between the 5th and the 95th percentile, so that no single value decides. */
function meanGapMs(readMs: readonly Ms[]): Ms | undefined {
  if (readMs.length < 4) return undefined;
  const [low, high] = [quantile(readMs, 0.05), quantile(readMs, 0.95)] as [Ms, Ms];
  return (high - low) / (0.9 * (readMs.length - 1));
}

function isPossible(gapMs: Ms, requests: number, clock: SourceClock): boolean {
  if (gapMs > (clock.open ? slowestOpenGapMs : slowestGapMs) && (clock.open || requests >= 8)) return false;
  // A burst has such a rate too: one that is longer than usual is taken for another unit.
  return gapMs * fastest >= 1000 || requests < 200;
}

/** How far apart requests mostly are where there are many. */
function isUsual(gapMs: Ms): boolean {
  return gapMs >= 1 && gapMs <= slowestOpenGapMs;
}

function nearest(unit: TimeUnit): (a: TimeUnit, b: TimeUnit) => number {
  const at = timeUnits.indexOf(unit);
  return (a, b) => Math.abs(timeUnits.indexOf(a) - at) - Math.abs(timeUnits.indexOf(b) - at);
}
