import { InputError, type Ms } from "../../../base/index.js";
import { type CsvRow, cellCount, cellTime, readCsvRows } from "./csv-rows.js";
import { TraceBuilder } from "./trace-builder.js";

/** Chunks closer than this came together: no engine makes a token in so little time. */
const togetherMs = 0.05;

/**
 * Times of chunks by request, ms on the trace's clock, from the file `<data>.itl.csv` that BLIS writes beside a trace under
 * `--record-itl`: columns `request_id`, `chunk_index`, `timestamp_us`, absolute times. Undefined where there is none.
 * @throws InputError when it is there and is not of this shape
 */
export async function blisChunkTimes(csvPath: string): Promise<Map<string, Ms[]> | undefined> {
  const base = csvPath.replace(/\.csv(\.gz)?$/, "");
  for (const path of [`${base}.itl.csv`, `${base}.itl.csv.gz`]) {
    const rows: CsvRow[] = [];
    const needed = ["request_id", "chunk_index", "timestamp_us"];
    try {
      await readCsvRows(path, new TraceBuilder(path, { strict: true }, 1), {}, needed, (row) =>
        rows.push(row),
      );
    } catch (error) {
      if (error instanceof InputError && error.message.endsWith("no such file")) continue;
      throw error;
    }
    const times = new Map<string, Ms[]>();
    const byIndex = (a: CsvRow, b: CsvRow) =>
      (cellCount(a, "chunk_index") ?? 0) - (cellCount(b, "chunk_index") ?? 0);
    for (const row of rows.sort(byIndex)) {
      const atMs = cellTime(row, "timestamp_us", 1e-3);
      if (atMs === undefined || row.request_id === undefined) continue;
      const list = times.get(row.request_id);
      if (list) list.push(atMs);
      else times.set(row.request_id, [atMs]);
    }
    return times;
  }
  return undefined;
}

/**
 * Gaps between the chunks that carried tokens. Where there are more chunks than tokens, a first one that came together with
 * the second (a chat's role) and a last one that came together with the one before (usage) carried none.
 */
export function gapsBetween(chunksMs: readonly Ms[], outputTokens: number): Float64Array {
  let chunks = chunksMs;
  const isTogether = (a: number, b: number) =>
    (chunks.at(b) as number) - (chunks.at(a) as number) < togetherMs;
  while (chunks.length > outputTokens && chunks.length > 1) {
    if (isTogether(-2, -1)) chunks = chunks.slice(0, -1);
    else if (isTogether(0, 1)) chunks = chunks.slice(1);
    else break;
  }
  return Float64Array.from({ length: Math.max(0, chunks.length - 1) }, (_, i) =>
    Math.max(0, (chunks[i + 1] as number) - (chunks[i] as number)),
  );
}
