import type { ParquetType, SchemaElement } from "hyparquet";
import type { Ms, Tokens } from "../base/index.js";
import type { LabelledRow } from "./session-windows.js";

/** What a row of the table keeps of a record. */
export interface TableRow {
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly cachedTokens: Tokens | undefined;
  readonly arrivalMs: Ms | undefined;
  readonly ttftMs: Ms | undefined;
  readonly itlMeanMs: Ms | undefined;
  readonly totalMs: Ms | undefined;
  readonly elapsedMs: Ms | undefined;
  readonly concurrency: number | undefined;
  readonly promptBlocks: number | undefined;
  readonly finishReason: string | undefined;
  readonly completed: boolean;
  readonly itlMs?: readonly number[] | undefined;
  readonly blockHashes?: readonly bigint[] | undefined;
}

/** A column of the table: its Parquet schema and its value in a row, undefined for NULL. */
export interface ParquetColumn {
  readonly name: string;
  readonly schema: readonly SchemaElement[];
  readonly list: boolean;
  read(row: LabelledRow<TableRow>): unknown;
}

/** The columns of the requests table, in order. */
export const parquetColumns: readonly ParquetColumn[] = [
  flat("request", "INT64", ({ index }) => BigInt(index)),
  flat("session", "INT64", ({ session }) => BigInt(session)),
  flat("turn", "INT32", ({ turn }) => turn),
  flat("parent", "INT64", ({ parent }) => (parent < 0 ? undefined : BigInt(parent))),
  flat("arrival_ms", "DOUBLE", ({ value }) => value.arrivalMs),
  flat("prompt_tokens", "INT32", ({ value }) => value.promptTokens),
  flat("cached_tokens", "INT32", ({ value }) => value.cachedTokens),
  flat("output_tokens", "INT32", ({ value }) => value.outputTokens),
  flat("prompt_blocks", "INT32", ({ value }) => value.promptBlocks),
  flat("ttft_ms", "DOUBLE", ({ value }) => value.ttftMs),
  flat("itl_mean_ms", "DOUBLE", ({ value }) => value.itlMeanMs),
  flat("total_ms", "DOUBLE", ({ value }) => value.totalMs),
  flat("elapsed_ms", "DOUBLE", ({ value }) => value.elapsedMs),
  flat("concurrency", "INT32", ({ value }) => value.concurrency),
  flat("completed", "BOOLEAN", ({ value }) => value.completed),
  {
    name: "finish_reason",
    schema: [
      { name: "finish_reason", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
    ],
    list: false,
    read: ({ value }) => value.finishReason,
  },
  list("itl_ms", { name: "element", type: "DOUBLE", repetition_type: "REQUIRED" }, (row) => row.value.itlMs),
  list(
    "block_hashes",
    { name: "element", type: "INT64", converted_type: "UINT_64", repetition_type: "REQUIRED" },
    (row) => row.value.blockHashes,
  ),
];

function flat(name: string, type: ParquetType, read: ParquetColumn["read"]): ParquetColumn {
  return { name, schema: [{ name, type, repetition_type: "OPTIONAL" }], list: false, read };
}

function list(name: string, element: SchemaElement, read: ParquetColumn["read"]): ParquetColumn {
  const schema: SchemaElement[] = [
    { name, converted_type: "LIST", repetition_type: "OPTIONAL", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    element,
  ];
  return { name, schema, list: true, read };
}
