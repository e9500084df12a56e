// What every case is measured against: the same run, the same machine, the same minute.

/** Seconds that `work` takes: the median of `rounds`, after one round that is not counted. */
export function medianSeconds(work, rounds = 3) {
  work();
  const seconds = [];
  for (let round = 0; round < rounds; round++) {
    const started = process.hrtime.bigint();
    work();
    seconds.push(Number(process.hrtime.bigint() - started) / 1e9);
  }
  return seconds.sort((a, b) => a - b)[Math.floor(rounds / 2)];
}

let sorting;

/** Seconds to sort a million doubles as a Float64Array: a fixed piece of work that every reader can redo. */
export function sortYardstickSeconds() {
  if (sorting === undefined) {
    const values = new Float64Array(1_000_000);
    let state = 1;
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = state;
    }
    sorting = medianSeconds(() => values.slice().sort(), 5);
  }
  return sorting;
}

/** A case whose work is `count` things: how many a second, and its time as a multiple of the sort. */
export function rateCase(name, unit, count, work, { aim, rounds = 3 } = {}) {
  const yardstickSeconds = sortYardstickSeconds();
  const seconds = medianSeconds(work, rounds);
  return {
    case: name,
    seconds,
    rate: count / seconds,
    unit,
    aim,
    yardstick: "sort of 1M doubles",
    yardstickSeconds,
    ratio: seconds / yardstickSeconds,
  };
}
