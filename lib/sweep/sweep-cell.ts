import { createHash } from "node:crypto";
import { describeValue, InputError, requireFinite, requireInteger } from "../base/index.js";
import { engineOptions, onTimeouts } from "../engine/index.js";
import { routerPolicy } from "../fleet/index.js";
import { pacings } from "../replay/index.js";
import {
  type EngineSettingName,
  type EngineSettings,
  engineSettingNames,
  type NamedPolicy,
  settingRow,
  someEngineSettings,
} from "../settings/index.js";

/** One thing that a sweep can vary. */
interface Axis {
  readonly says: string;
  /** A value given as text or as JSON has it, as it stands in a cell. */
  readonly parse: (where: string, value: unknown) => string | number;
  /** The setting of the engine that it is. */
  readonly setting?: EngineSettingName;
}

const settingAxes = Object.fromEntries(
  engineSettingNames.map((name): [string, Axis] => {
    const { axis, flag, says, parse } = settingRow(name);
    return [
      axis ?? flag.slice(2),
      { says, setting: name, parse: (where, value) => cellValue(shipped(name, parse(where, value))) },
    ];
  }),
);

const replayAxes: Readonly<Record<string, Axis>> = {
  prompts: { says: "recorded, or cold: unique prompts", parse: wordOf("recorded", "cold") },
  pacing: { says: "session, open-loop or closed-loop", parse: wordOf(...pacings) },
  "answer-reuse": {
    says: "on or off: the next turn repeats the answer before it, where no hashes tell the answer",
    parse: wordOf("on", "off"),
  },
  "rate-scale": { says: "arrivals this many times as fast", parse: numberFrom(Number.MIN_VALUE) },
  "think-scale": { says: "think gaps this many times as long", parse: numberFrom(0) },
  "request-timeout": {
    says: "s after which the client gives up on a request",
    parse: numberFrom(Number.MIN_VALUE),
  },
  "on-timeout": {
    says: "next-turn (sent at once) or end-session, where the client gave up",
    parse: wordOf(...onTimeouts),
  },
  "min-confidence": {
    says: "inferred turns that are less sure start sessions (0 to 1)",
    parse: (where, value) => requireFinite(where, "min-confidence", Number(value), 0, 1),
  },
  replicas: { says: "equal engines behind a router", parse: wholeNumberFrom(1) },
  router: {
    says: "which replica a request is sent to, with its options, as in sticky:ttl=300",
    parse: (_, value) => routerPolicy(String(value)).name,
  },
  "prefill-replicas": {
    says: "engines that compute prompts for the replicas, which then decode; 0: none",
    parse: wholeNumberFrom(0),
  },
  "non-cached-tokens": {
    says: "with prefill-replicas: a prompt with fewer tokens to compute stays with its decode engine",
    parse: wholeNumberFrom(1),
  },
  "kv-transfer-gbps": {
    says: "with prefill-replicas: 10^9 bytes a second over the network of each engine",
    parse: numberFrom(Number.MIN_VALUE),
  },
  turns: { says: "keep the first turns of each session", parse: wholeNumberFrom(1) },
  seed: { says: "seed of the replay", parse: wholeNumberFrom(0) },
};

const axes: Readonly<Record<string, Axis>> = { ...settingAxes, ...replayAxes };

/** What a sweep can vary, by its flag, and what it means. */
export const sweepParameters: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(axes).map(([name, { says }]) => [name, says]),
);

/** Name of a thing to vary: one of {@link sweepParameters}. */
export type SweepParameter = string;

/** One what-if: a value for each parameter that it sets. The rest is as captured. */
export type SweepCell = Readonly<Record<SweepParameter, string | number>>;

/** The engine settings that a cell sets. */
export function cellSettings(cell: SweepCell): Partial<EngineSettings> {
  const given = Object.entries(cell).flatMap(([name, value]) => {
    const setting = axes[name]?.setting;
    return setting === undefined ? [] : [[setting, value]];
  });
  return someEngineSettings(Object.fromEntries(given), "sweep");
}

/**
 * The value of a setting, a policy only if there is one of that name.
 * @throws InputError when there is none
 */
function shipped(name: EngineSettingName, value: unknown): unknown {
  engineOptions({ [name]: value });
  return value;
}

/** A switch is on or off in a cell, a policy its name. */
function cellValue(value: unknown): string | number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? "on" : "off";
  return typeof value === "object" ? (value as NamedPolicy).name : String(value);
}

function wordOf(...words: readonly string[]): Axis["parse"] {
  return (where, value) => {
    const word = words.find((known) => known === value);
    if (word !== undefined) return word;
    throw new InputError(`${where} must be one of ${words.join(", ")}, got ${describeValue(value)}`);
  };
}

function numberFrom(min: number): Axis["parse"] {
  return (where, value) => requireFinite("sweep", where, asNumber(value), min);
}

function wholeNumberFrom(min: number): Axis["parse"] {
  return (where, value) => requireInteger("sweep", where, asNumber(value), min);
}

function asNumber(value: unknown): unknown {
  return typeof value === "string" && value.trim() !== "" ? Number(value) : value;
}

/**
 * One axis of a grid from `name=v1,v2,...`; `seed=1..20` counts up.
 * @throws InputError when the name is no parameter or a value does not fit it
 */
export function parseAxis(text: string): readonly [SweepParameter, readonly (string | number)[]] {
  const at = text.indexOf("=");
  const [name, list] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  if (!isParameter(name) || list === "")
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

function isParameter(name: string): boolean {
  return Object.hasOwn(axes, name);
}

/**
 * Checks one value of a parameter, given as text or as JSON has it.
 * @param where what it was given in, for the message
 * @throws InputError when it does not fit the parameter
 */
export function parseValue(parameter: SweepParameter, value: unknown, where = "sweep"): string | number {
  if (typeof value !== "string" && typeof value !== "number")
    throw new InputError(`${where}: ${parameter} must be a number or a word, got ${describeValue(value)}`);
  return axes[parameter].parse(`${where}: ${parameter}`, value);
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
