import { replaceFile } from "../../../output/index.js";
import { metaToLine } from "../../meta-line.js";
import type { Trace, TraceRecord } from "../../trace.js";
import { meanGapMs } from "../../trace.js";
import type { Exporter } from "./exporter.js";

type Primitive = "INT32" | "INT64" | "DOUBLE" | "BYTE_ARRAY";

interface Column {
  readonly name: string;
  readonly type: Primitive;
  readonly list?: boolean;
  readonly converted?: "UTF8" | "UINT_64";
  readonly value: (record: TraceRecord, trace: Trace) => unknown;
}

const columns: readonly Column[] = [
  { name: "arrival_ms", type: "DOUBLE", value: (r) => r.arrivalMs },
  { name: "prompt_tokens", type: "INT32", value: (r) => r.promptTokens },
  { name: "cached_tokens", type: "INT32", value: (r) => r.cachedTokens },
  { name: "output_tokens", type: "INT32", value: (r) => r.outputTokens },
  { name: "ttft_ms", type: "DOUBLE", value: (r) => r.ttftMs },
  { name: "itl_ms", type: "DOUBLE", list: true, value: (r) => r.itlMs && [...r.itlMs] },
  { name: "itl_tokens", type: "INT32", list: true, value: (r) => r.itlTokens && [...r.itlTokens] },
  { name: "itl_mean_ms", type: "DOUBLE", value: meanGapMs },
  { name: "itl_count", type: "INT32", value: (r) => r.itlSummary?.count },
  { name: "elapsed_ms", type: "DOUBLE", value: (r) => r.elapsedMs },
  { name: "concurrency", type: "INT32", value: (r) => r.concurrency },
  { name: "finish_reason", type: "BYTE_ARRAY", converted: "UTF8", value: (r) => r.finishReason },
  { name: "session", type: "BYTE_ARRAY", converted: "UTF8", value: (r) => r.session },
  { name: "turn", type: "INT32", value: (r) => r.turn },
  {
    name: "block_hashes",
    type: "INT64",
    list: true,
    converted: "UINT_64",
    value: (r, trace) => r.blockIds && hashes(r.blockIds, trace),
  },
  {
    name: "output_block_hashes",
    type: "INT64",
    list: true,
    converted: "UINT_64",
    value: (r, trace) => r.outputBlockIds && hashes(r.outputBlockIds, trace),
  },
];

/**
 * Apache Parquet, one row a request: the scalars of the tap schema, gaps and block hashes as lists (hashes as unsigned
 * 64-bit integers), the meta line as the file's metadata `prefixlab`. `itl_mean_ms` is the mean per output token after
 * the first, as in the other tables; `itl_count` says how many gaps there were where they are not listed. A column that no request fills is left out.
 */
export const parquet: Exporter = {
  format: "parquet",
  description: "Apache Parquet for DuckDB, pandas, polars: scalars, and gaps and block hashes as lists",
  async write(trace, path) {
    const { parquetWriteFile } = await import("hyparquet-writer");
    const filled = columns
      .map((column) => ({
        column,
        data: trace.records.map((record) => column.value(record, trace) ?? null),
      }))
      .filter(({ data }) => data.some((value) => value !== null));
    await replaceFile(path, async (part) =>
      parquetWriteFile({
        filename: part,
        columnData: filled.map(({ column, data }) => ({ name: column.name, data })),
        schema: [
          { name: "root", num_children: filled.length },
          ...filled.flatMap(({ column }) => schemaOf(column)),
        ],
        kvMetadata: [{ key: "prefixlab", value: metaToLine(trace.meta) }],
      }),
    );
  },
};

function schemaOf({ name, type, list, converted }: Column) {
  const leaf = {
    name: list ? "element" : name,
    type,
    repetition_type: "OPTIONAL" as const,
    ...(converted && { converted_type: converted }),
  };
  if (!list) return [leaf];
  return [
    { name, num_children: 1, repetition_type: "OPTIONAL" as const, converted_type: "LIST" as const },
    { name: "list", num_children: 1, repetition_type: "REPEATED" as const },
    leaf,
  ];
}

function hashes(ids: Int32Array, trace: Trace): bigint[] {
  return Array.from(ids, (id) => (BigInt(trace.blocks.high(id)) << 32n) | BigInt(trace.blocks.low(id)));
}
