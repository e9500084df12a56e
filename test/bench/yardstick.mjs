// What every case is measured against: the same run, the same machine, the same minute.

/** Seconds that `work` takes: the median of `rounds`, after one round that is not counted. */
export function medianSeconds(work, rounds = 3) {
  work();
  return median(Array.from({ length: rounds }, () => secondsOf(work)));
}

/** {@link medianSeconds} for work that returns a promise. */
export async function medianSecondsAsync(work, rounds = 3) {
  await work();
  const seconds = [];
  for (let round = 0; round < rounds; round++) {
    const started = process.hrtime.bigint();
    await work();
    seconds.push(Number(process.hrtime.bigint() - started) / 1e9);
  }
  return median(seconds);
}

function secondsOf(work) {
  const started = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

/** The middle value. */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

let sorting;

/** Seconds to sort a million doubles as a Float64Array: a fixed piece of work that every reader can redo. */
export function sortYardstickSeconds() {
  if (sorting === undefined) {
    const next = draws(1);
    const values = Float64Array.from({ length: 1_000_000 }, next);
    sorting = medianSeconds(() => values.slice().sort(), 5);
  }
  return sorting;
}

/** Uniform draws from a linear congruential generator: spread is enough for benches. */
export function draws(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 4294967296;
  };
}

/** An aim for a value: at least this. */
export const atLeast = (limit) => ({
  text: `>= ${limit.toLocaleString("en-US")}`,
  holds: (value) => value >= limit,
});

/** An aim for a value: below this. */
export const below = (limit) => ({
  text: `< ${limit.toLocaleString("en-US")}`,
  holds: (value) => value < limit,
});

/** How a result says what was aimed at, and whether it holds. */
export const aimed = (aim, value) => ({ aim: aim.text, holds: aim.holds(value) });

/**
 * The result of a case: its value in its unit, whether the aim holds, and its seconds as a multiple of the yardstick's.
 * `ratio` is what two runs can be compared by: it takes out how fast the machine was at the time.
 */
export function result({ name, value, unit, aim, seconds, yardstick, yardstickSeconds, ...more }) {
  const by = yardstick ?? "sort of 1M doubles";
  const bySeconds = yardstickSeconds ?? sortYardstickSeconds();
  return {
    case: name,
    value,
    unit,
    ...(aim && aimed(aim, value)),
    ...(seconds !== undefined && {
      seconds,
      yardstick: by,
      yardstickSeconds: bySeconds,
      ratio: seconds / bySeconds,
    }),
    ...more,
  };
}

/** A case whose work is `count` things: how many a second. */
export function rateCase(name, unit, count, work, { aim, rounds = 3, ...more } = {}) {
  const seconds = medianSeconds(work, rounds);
  return result({ name, value: count / seconds, unit, aim, seconds, ...more });
}

/** A case that cannot run here, and why. */
export const skipped = (name, reason) => ({ case: name, skipped: reason });
