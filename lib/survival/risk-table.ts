import { type Observations, requireObservations } from "./observations.js";
import { sortedOrder } from "./sorted-order.js";

/** Who was at risk and what happened, one row for each distinct time at which anything happened. */
export interface RiskTable {
  /** Distinct times, ascending, in the caller's unit. */
  readonly times: Float64Array;
  /** Subjects at risk just before each time (total weight, where weights were given). */
  readonly atRisk: Float64Array;
  /** Events at each time. */
  readonly events: Float64Array;
  /** Censorings at each time. They count as at risk at that time: an event at t comes before a censoring at t. */
  readonly censored: Float64Array;
  /** Number of subjects (total weight). */
  readonly n: number;
}

/**
 * Counts the risk sets of right-censored, optionally left-truncated and weighted observations. Time is that of
 * sorting; memory is linear.
 * @param where the function on whose behalf, for messages
 * @throws InputError as {@link requireObservations}
 */
export function riskTable(where: string, observations: Observations): RiskTable {
  requireObservations(where, observations);
  const { entry, weights } = observations;
  const table = weights === undefined ? countRows(observations) : weighRows(observations, weights);
  if (entry !== undefined) subtractLateEntries(table, entry, weights);
  return table;
}

/** Events and censorings are sorted apart by the native sort, which is faster than sorting rows, then merged. */
function countRows({ times, observed }: Observations): RiskTable {
  const n = times.length;
  let eventCount = n;
  if (observed !== undefined) {
    eventCount = 0;
    for (let i = 0; i < n; i++) if (observed[i]) eventCount++;
  }
  const eventTimes = new Float64Array(eventCount);
  const censorTimes = new Float64Array(n - eventCount);
  let e = 0;
  let c = 0;
  for (let i = 0; i < n; i++) {
    if (observed === undefined || observed[i]) eventTimes[e++] = times[i] + 0;
    else censorTimes[c++] = times[i] + 0;
  }
  eventTimes.sort();
  censorTimes.sort();

  const rows = emptyRows(n);
  let k = 0;
  e = 0;
  c = 0;
  while (e < eventTimes.length || c < censorTimes.length) {
    const nextEvent = e < eventTimes.length ? eventTimes[e] : Number.POSITIVE_INFINITY;
    const nextCensor = c < censorTimes.length ? censorTimes[c] : Number.POSITIVE_INFINITY;
    const time = Math.min(nextEvent, nextCensor);
    const firstEvent = e;
    const firstCensor = c;
    while (e < eventTimes.length && eventTimes[e] === time) e++;
    while (c < censorTimes.length && censorTimes[c] === time) c++;
    rows.times[k] = time;
    rows.atRisk[k] = n - firstEvent - firstCensor;
    rows.events[k] = e - firstEvent;
    rows.censored[k] = c - firstCensor;
    k++;
  }
  return trimRows(rows, k, n);
}

function weighRows({ times, observed }: Observations, weights: ArrayLike<number>): RiskTable {
  const order = sortedOrder(times);
  const rows = emptyRows(order.length);
  let k = 0;
  for (const row of order) {
    const weight = weights[row];
    if (weight === 0) continue;
    const time = times[row] + 0;
    if (k === 0 || rows.times[k - 1] !== time) rows.times[k++] = time;
    if (observed === undefined || observed[row]) rows.events[k - 1] += weight;
    else rows.censored[k - 1] += weight;
  }
  // From the end, so that the last risk sets, on which the tail rests, carry no rounding of the early ones.
  let remaining = 0;
  for (let r = k - 1; r >= 0; r--) {
    remaining += rows.events[r] + rows.censored[r];
    rows.atRisk[r] = remaining;
  }
  return trimRows(rows, k, remaining);
}

function subtractLateEntries(
  table: RiskTable,
  entry: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
): void {
  const order = sortedOrder(entry);
  let late = 0;
  let next = order.length - 1;
  for (let r = table.times.length - 1; r >= 0; r--) {
    while (next >= 0 && entry[order[next]] >= table.times[r]) {
      late += weights === undefined ? 1 : weights[order[next]];
      next--;
    }
    table.atRisk[r] -= late;
  }
}

function emptyRows(capacity: number): Omit<RiskTable, "n"> {
  return {
    times: new Float64Array(capacity),
    atRisk: new Float64Array(capacity),
    events: new Float64Array(capacity),
    censored: new Float64Array(capacity),
  };
}

function trimRows(rows: Omit<RiskTable, "n">, length: number, n: number): RiskTable {
  if (length === rows.times.length) return { ...rows, n };
  return {
    times: rows.times.slice(0, length),
    atRisk: rows.atRisk.slice(0, length),
    events: rows.events.slice(0, length),
    censored: rows.censored.slice(0, length),
    n,
  };
}
