import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../base/index.js";
import { readTrace } from "../trace/files/index.js";
import type { Trace } from "../trace/index.js";

/** One capture that ships with the project. A capture is fitted on or judged on, never both. */
export interface CommittedCapture {
  /** Path below the project's `data` folder. */
  readonly file: string;
  readonly role: "fit" | "judge";
  /** What was driven: "warm", "cold", "poisson", "burst", "sweep", ... */
  readonly scenario: string;
  readonly cache: "on" | "off";
  readonly seed: number;
  /** The engine that answered, with its version. */
  readonly engine: string;
}

/**
 * The folder that holds the captures.
 * @example
 * ```ts
 * import { dataDir, readTrace } from "prefixlab";
 * (await readTrace(`${dataDir()}/cold-1.jsonl.gz`)).records.length; // → 320
 * ```
 */
export function dataDir(): string {
  return join(dirname(fileURLToPath(import.meta.url)), "..", "..", "data");
}

/**
 * The captures that ship with the project, from `data/inventory.json`.
 * @example
 * ```ts
 * import { committedCaptures } from "prefixlab";
 * const captures = await committedCaptures();
 * captures.find(({ scenario }) => scenario === "burst")?.file; // → "burst-1.jsonl.gz"
 * ```
 */
export async function committedCaptures(): Promise<readonly CommittedCapture[]> {
  const text = await readFile(join(dataDir(), "inventory.json"), "utf8");
  return (JSON.parse(text) as { captures: CommittedCapture[] }).captures;
}

/**
 * Reads all shipped captures that are as wanted, in the order of the inventory. `engine` is a name without its version,
 * by default "vLLM": a model of one engine is not fitted on another.
 * @throws InputError when there is none
 * @example
 * ```ts
 * import { readCaptures } from "prefixlab";
 * const fitted = await readCaptures({ role: "fit" });
 * fitted.map(({ records }) => records.length); // → [340, 340, 140]
 * ```
 */
export async function readCaptures(wanted: Partial<CommittedCapture>): Promise<Trace[]> {
  const { engine = "vLLM", ...rest } = wanted;
  const found = (await committedCaptures()).filter(
    (entry) =>
      engineName(entry) === engine &&
      Object.entries(rest).every(([key, value]) => entry[key as keyof CommittedCapture] === value),
  );
  if (found.length === 0)
    throw new InputError(`readCaptures: no shipped capture is ${JSON.stringify(wanted)}: see data/README.md`);
  return Promise.all(found.map(readCommitted));
}

/** Reads one capture of the inventory. */
export function readCommitted({ file }: CommittedCapture): Promise<Trace> {
  return readTrace(join(dataDir(), file));
}

/**
 * Name of the engine that answered, without its version.
 * @example
 * ```ts
 * import { committedCaptures, engineName } from "prefixlab/captures";
 * const [first] = await committedCaptures();
 * engineName(first); // → "vLLM"
 * ```
 */
export function engineName({ engine }: CommittedCapture): string {
  return engine.split(" ", 1)[0];
}

/**
 * The first shipped capture that is as wanted; see {@link readCaptures}.
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * trace.records[1].cachedTokens; // → 1344
 * ```
 */
export async function readCapture(wanted: Partial<CommittedCapture>): Promise<Trace> {
  const [first] = await readCaptures(wanted);
  return first;
}
