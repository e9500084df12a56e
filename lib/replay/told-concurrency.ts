import type { Trace, TraceRecord } from "../trace/index.js";

/**
 * How many requests the client had in flight at most when it sent one, where the capture tells it; undefined where it does
 * not. `max_concurrency` of the meta line is that number, or, where a report holds several benchmarks, a list of theirs:
 * each record then names its own by `benchmark`, from 1.
 */
export function toldConcurrency({ meta, records }: Trace): ((record: TraceRecord) => number) | undefined {
  const told = meta.extra.max_concurrency;
  if (isPlaces(told)) return () => told;
  if (!Array.isArray(told)) return undefined;
  const places = told as readonly unknown[];
  const placesOf = ({ extra }: TraceRecord) =>
    typeof extra?.benchmark === "number" ? places[extra.benchmark - 1] : undefined;
  return records.every((record) => isPlaces(placesOf(record)))
    ? (record) => placesOf(record) as number
    : undefined;
}

function isPlaces(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1;
}
