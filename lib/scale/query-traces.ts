import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../base/index.js";
import { type QueryResult, quotedText, withDatabase } from "../table/index.js";
import type { ReadProgress } from "../trace/files/index.js";
import { traceToParquet } from "./trace-to-parquet.js";

/** How to run a query. */
export interface QueryOptions {
  /** Give traces the list columns `block_hashes` and `itl_ms` too. Default: when the SQL names one of them. */
  readonly lists?: boolean;
  readonly onProgress?: (path: string, progress: ReadProgress) => void;
}

/**
 * Runs SQL over traces with DuckDB, inside this process. The table `requests` holds the requests of all files, `file`
 * telling which; a path that ends in `.parquet` is read where it is, any other is a trace in the tap schema, converted to
 * Parquet in a temporary folder first. Larger tables than memory spill to that folder.
 * @throws InputError when a trace cannot be read or the SQL is wrong
 */
export async function queryTraces(
  sql: string,
  paths: readonly string[],
  options: QueryOptions = {},
): Promise<QueryResult> {
  if (paths.length === 0) throw new InputError("queryTraces: needs at least one trace or Parquet file");
  const lists = options.lists ?? /\b(block_hashes|itl_ms)\b/i.test(sql);
  const folder = await mkdtemp(join(tmpdir(), "prefixlab-sql-"));
  try {
    const tables: { readonly path: string; readonly parquet: string }[] = [];
    for (const [k, path] of paths.entries()) {
      if (path.endsWith(".parquet")) {
        tables.push({ path, parquet: path });
        continue;
      }
      const parquet = join(folder, `${k}.parquet`);
      const onProgress = options.onProgress && ((p: ReadProgress) => options.onProgress?.(path, p));
      await traceToParquet(path, parquet, { lists, ...(onProgress && { onProgress }) });
      tables.push({ path, parquet });
    }
    return await withDatabase({ of: "queryTraces", spillFolder: folder }, async (database) => {
      const union = tables
        .map(
          ({ path, parquet }) =>
            `SELECT *, ${quotedText(path)} AS file FROM read_parquet(${quotedText(parquet)})`,
        )
        .join(" UNION ALL BY NAME ");
      await database.run(`CREATE VIEW requests AS ${union}`);
      return database.query(sql);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
