import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../base/index.js";

/** One committed capture. A capture is fitted on or judged on, never both. */
export interface CaptureEntry {
  readonly file: string;
  readonly role: "fit" | "judge";
  /** What was driven: "warm", "cold", "low-rate", "poisson", "burst", "staircase", "sweep". */
  readonly scenario: string;
  readonly cache: "on" | "off";
  readonly seed: number;
  /** The engine that answered, with its version. */
  readonly engine: string;
}

/** Where the committed captures are. */
export const dataDir = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "data");

/** The committed captures, from `data/inventory.json`. */
export async function readInventory(): Promise<readonly CaptureEntry[]> {
  return (JSON.parse(await readFile(join(dataDir, "inventory.json"), "utf8")) as { captures: CaptureEntry[] })
    .captures;
}

/**
 * Paths of the committed captures of a kind.
 * @throws InputError when there is none
 */
export function capturePaths(inventory: readonly CaptureEntry[], wanted: Partial<CaptureEntry>): string[] {
  const found = inventory.filter((entry) =>
    Object.entries(wanted).every(([key, value]) => entry[key as keyof CaptureEntry] === value),
  );
  if (found.length === 0)
    throw new InputError(`no committed capture is ${JSON.stringify(wanted)}: see data/README.md`);
  return found.map((entry) => join(dataDir, entry.file));
}
