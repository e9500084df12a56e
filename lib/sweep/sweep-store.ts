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
  /** Results that were saved or read here, by cell. */
  readonly #known = new Map<number, SweepRow>();

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
    const mine = [...this.cells.keys()].filter((k) => k % count === shard);
    const { unusable } = await this.#look(mine);
    return unusable;
  }

  /** Files of results that cannot be read, such as one that a full disk or a copy cut: their cells are missing. */
  async damaged(): Promise<string[]> {
    const { unusable, files } = await this.#look([...this.cells.keys()]);
    return unusable
      .map((k) => this.#file(this.cells[k]))
      .filter((file) => files.has(file))
      .map((file) => join("cells", file));
  }

  /** Keeps a cell's result, whole or not at all. */
  async save(index: number, row: SweepRow): Promise<void> {
    const file = join(this.dir, "cells", this.#file(this.cells[index]));
    const text = JSON.stringify(row);
    await writeWhole(file, `${text}\n`);
    this.#known.set(index, JSON.parse(text));
  }

  /**
   * Writes `results.jsonl` and `results.parquet`, one row a cell in the sweep's order: the same bytes however the
   * cells were shared out.
   * @throws WorkError when cells are missing
   */
  async merge(): Promise<readonly SweepRow[]> {
    const rows: SweepRow[] = [];
    for (const index of this.cells.keys()) {
      const row = await this.#row(index);
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

  /** Those of these cells that have no usable result, and the files that are there. */
  async #look(indices: readonly number[]): Promise<{ unusable: number[]; files: ReadonlySet<string> }> {
    const files = new Set(await readdir(join(this.dir, "cells")));
    const unusable: number[] = [];
    for (const index of indices)
      if (!files.has(this.#file(this.cells[index])) || !(await this.#row(index))) unusable.push(index);
    return { unusable, files };
  }

  /** The result of a cell; undefined when there is none that can be read, or it is another cell's. */
  async #row(index: number): Promise<SweepRow | undefined> {
    const known = this.#known.get(index);
    if (known) return known;
    const cell = this.cells[index];
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
    if (!isOfCell || typeof found.requests !== "number") return undefined;
    this.#known.set(index, found);
    return found;
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
