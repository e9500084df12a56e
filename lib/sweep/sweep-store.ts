import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError, WorkError } from "../base/index.js";
import { writeWhole } from "../output/index.js";
import type { SweepRow } from "./run-cell.js";
import { cellKey, type SweepCell } from "./sweep-cell.js";

/** A sweep on disk: what it is, one file a finished cell, and the merged result once all are there. */
export class SweepStore {
  readonly dir: string;
  readonly cells: readonly SweepCell[];
  readonly #digest: string;

  private constructor(dir: string, cells: readonly SweepCell[], digest: string) {
    this.dir = dir;
    this.cells = cells;
    this.#digest = digest;
  }

  /**
   * Opens a sweep's folder, making it when it is new.
   * @throws InputError when the folder holds another sweep
   */
  static async open(dir: string, cells: readonly SweepCell[], inputsDigest: string): Promise<SweepStore> {
    await mkdir(join(dir, "cells"), { recursive: true });
    const file = join(dir, "sweep.json");
    const text = `${JSON.stringify({ inputs: inputsDigest, cells }, null, 1)}\n`;
    const before = await readFile(file, "utf8").catch(() => undefined);
    // A damaged one says nothing; a result is found by what it is of, and not by this file.
    if (before === undefined || !isJson(before)) await writeWhole(file, text);
    else if (before !== text)
      throw new InputError(
        `sweep: ${dir} holds a sweep of other cells or inputs: give another --out-dir, or remove that one`,
      );
    return new SweepStore(dir, cells, inputsDigest);
  }

  /** Indices of cells without a usable result, of this shard: cell k belongs to shard k mod count. */
  async missing(shard = 0, count = 1): Promise<number[]> {
    const done = new Set(await readdir(join(this.dir, "cells")));
    const missing: number[] = [];
    for (const [k, cell] of this.cells.entries())
      if (k % count === shard && !(done.has(this.#file(cell)) && (await this.#row(cell)))) missing.push(k);
    return missing;
  }

  /** Files of results that cannot be read, such as one that a full disk or a copy cut: their cells are missing. */
  async damaged(): Promise<string[]> {
    const done = new Set(await readdir(join(this.dir, "cells")));
    const files: string[] = [];
    for (const cell of this.cells)
      if (done.has(this.#file(cell)) && !(await this.#row(cell))) files.push(join("cells", this.#file(cell)));
    return files;
  }

  /** Keeps a cell's result, whole or not at all. */
  async save(index: number, row: SweepRow): Promise<void> {
    const file = join(this.dir, "cells", this.#file(this.cells[index]));
    await writeWhole(file, `${JSON.stringify(row)}\n`);
  }

  /**
   * Writes `results.jsonl` and `results.parquet`, one row a cell in the sweep's order: the same bytes however the
   * cells were shared out.
   * @throws WorkError when cells are missing
   */
  async merge(): Promise<readonly SweepRow[]> {
    const rows: SweepRow[] = [];
    for (const cell of this.cells) {
      const row = await this.#row(cell);
      if (row) rows.push(row);
    }
    if (rows.length < this.cells.length)
      throw new WorkError(
        `sweep: ${this.cells.length - rows.length} of ${this.cells.length} cells are missing`,
      );
    await writeWhole(join(this.dir, "results.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    await writeWhole(join(this.dir, "results.parquet"), new Uint8Array(await parquetOf(rows)));
    return rows;
  }

  /** The result of a cell; undefined when there is none that can be read, or it is another cell's. */
  async #row(cell: SweepCell): Promise<SweepRow | undefined> {
    const text = await readFile(join(this.dir, "cells", this.#file(cell)), "utf8").catch(() => "");
    let row: unknown;
    try {
      row = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (row === null || typeof row !== "object" || Array.isArray(row)) return undefined;
    const found = row as SweepRow;
    const isOfCell = Object.entries(cell).every(([name, value]) => found[name] === value);
    return isOfCell && typeof found.requests === "number" ? found : undefined;
  }

  #file(cell: SweepCell): string {
    return `${cellKey(cell, this.#digest)}.json`;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function parquetOf(rows: readonly SweepRow[]): Promise<ArrayBuffer> {
  const { parquetWriteBuffer } = await import("hyparquet-writer");
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return parquetWriteBuffer({
    columnData: names.map((name) => {
      const data = rows.map((row) => row[name] ?? null);
      return {
        name,
        data,
        type: data.some((v) => typeof v === "string") ? ("STRING" as const) : ("DOUBLE" as const),
      };
    }),
  });
}
