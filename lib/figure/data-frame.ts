import { createRequire } from "node:module";
import { describeValue, InputError } from "../base/index.js";

/** A cell of a table: missing values have no place in it. */
export type FrameValue = number | string | boolean;

/** One row of a table, by column. */
export type FrameRow = Readonly<Record<string, FrameValue>>;

/**
 * The part of a danfojs DataFrame that gives right answers: for looking at tables, never for reported numbers. What
 * is left out does not: `mean` and `describe` mishandle missing values, arithmetic goes through 32-bit floats,
 * `concat` changes its input.
 */
export interface NotebookFrame {
  readonly columns: readonly string[];
  readonly shape: readonly number[];
  readonly values: readonly (readonly FrameValue[])[];
  head(rows?: number): NotebookFrame;
  tail(rows?: number): NotebookFrame;
  sortValues(column: string, options?: { readonly ascending?: boolean }): NotebookFrame;
  loc(where: { readonly columns: readonly string[] }): NotebookFrame;
  /** Prints the table as text. */
  print(): void;
  toString(): string;
}

/** danfojs, as far as it is used here. */
interface Danfo {
  DataFrame: new (rows: FrameValue[][], options: { columns: string[]; dtypes: string[] }) => NotebookFrame;
}

const dtypes: Readonly<Record<string, string>> = { number: "float32", string: "string", boolean: "boolean" };

/**
 * A danfojs DataFrame of some rows, for looking at them in a notebook. Column types are taken from all rows, not
 * guessed from the first ones, and a missing value is refused, because danfojs counts it as zero. Loading danfojs
 * takes about a second the first time.
 * @throws InputError when danfojs-node is not installed; for no rows, a row with other columns, a missing or non-finite
 * value, or a column of mixed types
 * @example
 * ```ts
 * import { toDataFrame } from "prefixlab";
 * toDataFrame([{ turn: 1, ttftMs: 430 }, { turn: 2, ttftMs: 36 }]).shape; // → [2, 2]
 * ```
 */
export function toDataFrame(rows: readonly FrameRow[]): NotebookFrame {
  const columns = Object.keys(rows[0] ?? {});
  if (columns.length === 0)
    throw new InputError("toDataFrame: rows must hold at least one row with a column");
  const kinds = columns.map((column) => typeof rows[0][column]);
  const values = rows.map((row, at) => {
    if (Object.keys(row).length !== columns.length)
      throw new InputError(`toDataFrame: row ${at} has other columns than row 0`);
    return columns.map((column, index) => checked(row[column], column, at, kinds[index] as string));
  });
  const { DataFrame } = loadDanfo();
  return new DataFrame(values, { columns, dtypes: kinds.map((kind) => dtypes[kind]) });
}

/** danfojs is an optional peer: most of what it installs is TensorFlow, and only tables in notebooks want it. */
function loadDanfo(): Danfo {
  const require = createRequire(import.meta.url);
  try {
    require.resolve("danfojs-node");
  } catch {
    const { peerDependencies } = require("../../package.json") as {
      peerDependencies: Record<string, string>;
    };
    throw new InputError(
      `toDataFrame: danfojs-node is not installed: run npm install danfojs-node@${peerDependencies["danfojs-node"]}, with the overrides that README.md names`,
    );
  }
  return require("danfojs-node") as Danfo;
}

function checked(value: FrameValue | undefined, column: string, row: number, kind: string): FrameValue {
  const usable = typeof value === "number" ? Number.isFinite(value) : value !== undefined && value !== null;
  if (!usable || dtypes[kind] === undefined)
    throw new InputError(
      `toDataFrame: column ${column} of row ${row} must be a value, got ${describeValue(value)}: leave the row or the column out`,
    );
  if (typeof value !== kind)
    throw new InputError(`toDataFrame: column ${column} mixes ${kind} and ${typeof value} (row ${row})`);
  return value as FrameValue;
}
