import { createHash } from "node:crypto";
import { describeValue, InputError } from "../base/index.js";

/** What a sweep can vary, by its flag. */
export const sweepParameters = {
  "kv-cache-size": "blocks in the pool",
  "block-size": "tokens a block",
  "max-num-seqs": "running requests at most",
  "max-num-batched-tokens": "token budget of a step",
  "long-prefill-token-threshold": "longest chunk of one prefill in a step",
  "prefix-caching": "on or off",
  "prefix-reuse": "blocks (vLLM) or slots (llama.cpp)",
  prompts: "recorded or cold",
  pacing: "session or open-loop",
  "rate-scale": "arrivals this many times as fast",
  "think-scale": "think gaps this many times as long",
  turns: "keep the first turns of each session",
  seed: "seed of the replay",
} as const;

export type SweepParameter = keyof typeof sweepParameters;

/** One what-if: a value for each parameter that it sets. The rest is as captured. */
export type SweepCell = Readonly<Partial<Record<SweepParameter, string | number>>>;

const words: Partial<Record<SweepParameter, readonly string[]>> = {
  "prefix-caching": ["on", "off"],
  "prefix-reuse": ["blocks", "slots"],
  prompts: ["recorded", "cold"],
  pacing: ["session", "open-loop"],
};

const fractional: readonly SweepParameter[] = ["rate-scale", "think-scale"];

/**
 * One axis of a grid from `name=v1,v2,...`; `seed=1..20` counts up.
 * @throws InputError when the name is no parameter or a value does not fit it
 */
export function parseAxis(text: string): readonly [SweepParameter, readonly (string | number)[]] {
  const [name = "", list = "", ...more] = text.split("=");
  if (!isParameter(name) || list === "" || more.length > 0)
    throw new InputError(
      `sweep: --vary wants name=v1,v2,... with a name of ${Object.keys(sweepParameters).join(", ")}, got ${JSON.stringify(text)}`,
    );
  const values = list.split(",").flatMap((item) => {
    const range = /^(\d+)\.\.(\d+)$/.exec(item);
    if (!range) return [item];
    const [from, to] = [Number(range[1]), Number(range[2])];
    if (to < from)
      throw new InputError(
        `sweep: ${name}=${item} counts down: give the smaller number first, ${to}..${from}`,
      );
    return Array.from({ length: to - from + 1 }, (_, k) => String(from + k));
  });
  return [name, values.map((value) => parseValue(name, value))];
}

function isParameter(name: string): name is SweepParameter {
  return Object.hasOwn(sweepParameters, name);
}

/**
 * Checks one value of a parameter, given as text or as JSON has it.
 * @param where what it was given in, for the message
 * @throws InputError when it does not fit the parameter
 */
export function parseValue(parameter: SweepParameter, value: unknown, where = "sweep"): string | number {
  if (typeof value !== "string" && typeof value !== "number")
    throw new InputError(`${where}: ${parameter} must be a number or a word, got ${describeValue(value)}`);
  const allowed = words[parameter];
  if (allowed) {
    if (allowed.includes(String(value))) return String(value);
    throw new InputError(`${where}: ${parameter} is ${allowed.join(" or ")}, got ${JSON.stringify(value)}`);
  }
  const number = typeof value === "number" || value.trim() !== "" ? Number(value) : Number.NaN;
  const least =
    parameter === "seed" || parameter === "think-scale" || parameter === "long-prefill-token-threshold"
      ? 0
      : 1;
  const sound = fractional.includes(parameter)
    ? Number.isFinite(number) && (parameter === "think-scale" ? number >= 0 : number > 0)
    : Number.isSafeInteger(number) && number >= least;
  if (!sound) throw new InputError(`${where}: ${parameter} cannot be ${JSON.stringify(value)}`);
  return number;
}

/**
 * All combinations of the axes, the last axis varying fastest.
 * @throws InputError when two axes are of the same parameter
 */
export function gridCells(
  axes: readonly (readonly [SweepParameter, readonly (string | number)[]])[],
): SweepCell[] {
  const twice = axes.find(([name], k) => axes.some(([other], j) => j < k && other === name));
  if (twice)
    throw new InputError(
      `sweep: --vary ${twice[0]} is given twice: give all its values in one, ${twice[0]}=v1,v2,...`,
    );
  return axes.reduce<SweepCell[]>(
    (cells, [name, values]) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value }))),
    [{}],
  );
}

/**
 * Cells from JSON lines, one object a line.
 * @throws InputError naming the line that is no cell
 */
export function cellsFromJsonLines(text: string): SweepCell[] {
  return text.split("\n").flatMap((line, k) => {
    if (line.trim() === "") return [];
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      throw new InputError(`sweep: line ${k + 1} of the cells file is no JSON`);
    }
    if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed))
      throw new InputError(`sweep: line ${k + 1} of the cells file is no object`);
    const entries = Object.entries(parsed).map(([name, value]) => {
      const where = `sweep: line ${k + 1} of the cells file`;
      if (!isParameter(name))
        throw new InputError(
          `${where}: no parameter ${JSON.stringify(name)}, expected one of ${Object.keys(sweepParameters).join(", ")}`,
        );
      return [name, parseValue(name, value, where)] as const;
    });
    return [Object.fromEntries(entries)];
  });
}

/** The name of a cell's file: the same cell of the same inputs has the same name on every machine. */
export function cellKey(cell: SweepCell, inputsDigest: string): string {
  const canonical = JSON.stringify(Object.entries(cell).sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash("sha256").update(`${inputsDigest}\n${canonical}`).digest("hex").slice(0, 16);
}
