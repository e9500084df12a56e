import type { ParquetType, SchemaElement } from "hyparquet";
import { type RequestColumn, type RequestFields, requestColumns } from "../table/index.js";
import type { LabelledRow } from "./session-windows.js";

/** What a row of the table keeps of a record. */
export interface ParquetRow extends RequestFields {
  readonly itlMs?: readonly number[] | undefined;
  readonly blockHashes?: readonly bigint[] | undefined;
}

/** A column of the table: its Parquet schema and its value in a row, undefined for NULL. */
export interface ParquetColumn {
  readonly name: string;
  readonly schema: readonly SchemaElement[];
  readonly list: boolean;
  read(row: LabelledRow<ParquetRow>): unknown;
}

const parquetTypes: Readonly<Record<RequestColumn["type"], ParquetType>> = {
  BIGINT: "INT64",
  INTEGER: "INT32",
  DOUBLE: "DOUBLE",
  BOOLEAN: "BOOLEAN",
  VARCHAR: "BYTE_ARRAY",
};

/** The columns of the requests table, in order: those of a table in memory, then the lists. */
export const parquetColumns: readonly ParquetColumn[] = [
  ...requestColumns.map(flat),
  list("itl_ms", { name: "element", type: "DOUBLE", repetition_type: "REQUIRED" }, (row) => row.value.itlMs),
  list(
    "block_hashes",
    { name: "element", type: "INT64", converted_type: "UINT_64", repetition_type: "REQUIRED" },
    (row) => row.value.blockHashes,
  ),
];

function flat({ name, type, read }: RequestColumn): ParquetColumn {
  const element: SchemaElement = {
    name,
    type: parquetTypes[type],
    ...(type === "VARCHAR" && { converted_type: "UTF8" }),
    repetition_type: "OPTIONAL",
  };
  return {
    name,
    schema: [element],
    list: false,
    read: (row) => {
      const value = read(row);
      return type === "BIGINT" && value !== undefined ? BigInt(value) : value;
    },
  };
}

function list(name: string, element: SchemaElement, read: ParquetColumn["read"]): ParquetColumn {
  const schema: SchemaElement[] = [
    { name, converted_type: "LIST", repetition_type: "OPTIONAL", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    element,
  ];
  return { name, schema, list: true, read };
}
