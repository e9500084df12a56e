import { InputError } from "../base/index.js";
import { evictions } from "../cache/index.js";
import { type OnTimeout, onTimeouts, orderings } from "../engine/index.js";
import { routers } from "../fleet/index.js";
import type { Pacing, ReplayOptions } from "../replay/index.js";
import {
  type EngineSettingName,
  type EngineSettings,
  engineSettingNames,
  engineSettings,
  settingRow,
  someEngineSettings,
} from "../settings/index.js";

/**
 * What a reader of the page has chosen, by the flag of `replay` that says it, without its dashes: text, as it would be typed.
 * What is not there is as `replay` takes it from the trace.
 */
export type ExploreChoices = Readonly<Record<string, string>>;

/** What a page lets its reader choose. */
export interface ExploreControl {
  /** Key among {@link ExploreChoices}: the flag without its dashes. */
  readonly name: string;
  readonly says: string;
  /** A switch is "on" or "off", a word one of `words`, the others are numbers. */
  readonly kind: "switch" | "word" | "whole" | "number";
  readonly words?: readonly string[];
  /** Smallest number that there is. */
  readonly min?: number;
  /** The setting of the engine that it is. */
  readonly setting?: EngineSettingName;
  /** How a value is typed after `replay`. */
  typed(value: string): string;
}

/** What a page's choices come to: options of a replay, and the turns that are kept of each session. */
export interface ChosenReplay {
  readonly options: Omit<ReplayOptions, "model">;
  readonly turns?: number;
}

const asValue = (name: string) => (value: string) => `--${name} ${value}`;
const asSwitch = (name: string) => (value: string) => (value === "on" ? `--${name}` : `--no-${name}`);

/** Settings with a flag of their own kind: what the words of a policy are, the room that has them knows. */
const policyWords: Partial<Record<EngineSettingName, object>> = {
  eviction: evictions,
  schedulingPolicy: orderings,
};

function settingControl(setting: EngineSettingName): ExploreControl {
  const { flag, says, placeholder } = settingRow(setting);
  const name = flag.slice(2);
  const words = policyWords[setting];
  if (words) return { name, says, setting, kind: "word", words: Object.keys(words), typed: asValue(name) };
  if (placeholder === undefined) return { name, says, setting, kind: "switch", typed: asSwitch(name) };
  if (setting === "prefixReuse")
    return { name, says, setting, kind: "word", words: ["blocks", "slots"], typed: asValue(name) };
  const isReal = /Gib$|Gbps$/.test(setting) || setting === "kvBytesPerToken";
  return { name, says, setting, kind: isReal ? "number" : "whole", typed: asValue(name) };
}

const pacingFlags: Readonly<Record<Exclude<Pacing, "closed-loop">, string>> = {
  session: "--replay-sessions",
  "open-loop": "--open-loop",
};

const clientControls: readonly ExploreControl[] = [
  {
    name: "cold-prompts",
    says: "make every prompt unique, so that no prefix is reused",
    kind: "switch",
    typed: (value) => (value === "on" ? "--cold-prompts" : ""),
  },
  {
    name: "rate-scale",
    says: "arrivals this many times as fast",
    kind: "number",
    min: Number.MIN_VALUE,
    typed: asValue("rate-scale"),
  },
  {
    name: "think-scale",
    says: "think gaps this many times as long",
    kind: "number",
    min: 0,
    typed: asValue("think-scale"),
  },
  {
    name: "turns",
    says: "keep the first turns of each session",
    kind: "whole",
    min: 1,
    typed: asValue("turns"),
  },
  {
    name: "pacing",
    says: "session: the next turn when the one before is answered, and thought over; open-loop: at recorded times",
    kind: "word",
    words: Object.keys(pacingFlags),
    typed: (value) => pacingFlags[value as keyof typeof pacingFlags],
  },
  {
    name: "max-concurrency",
    says: "closed loop: the next request, in recorded order, when one of so many ends",
    kind: "whole",
    min: 1,
    typed: asValue("max-concurrency"),
  },
  {
    name: "request-timeout",
    says: "seconds after which the client gives up on a request that is not complete",
    kind: "number",
    min: Number.MIN_VALUE,
    typed: asValue("request-timeout"),
  },
  {
    name: "on-timeout",
    says: "next-turn: sent at once, as if it had been answered; end-session: no more of the session",
    kind: "word",
    words: onTimeouts,
    typed: asValue("on-timeout"),
  },
  {
    name: "replicas",
    says: "equal engines behind a router",
    kind: "whole",
    min: 1,
    typed: asValue("replicas"),
  },
  {
    name: "router",
    says: "which replica a request is sent to",
    kind: "word",
    words: Object.keys(routers),
    typed: asValue("router"),
  },
  { name: "seed", says: "seed of the latency model's draws", kind: "whole", min: 1, typed: asValue("seed") },
];

/** Everything that can be chosen, one row each: the engine's settings are those of `lib/settings`. */
export const exploreControls: readonly ExploreControl[] = [
  ...engineSettingNames.map(settingControl),
  ...clientControls,
];

const byName = new Map(exploreControls.map((control) => [control.name, control]));

/**
 * The row of a choice.
 * @throws InputError when there is none of that name
 */
export function exploreControl(name: string): ExploreControl {
  const control = byName.get(name);
  if (!control)
    throw new InputError(
      `explore: there is no choice ${JSON.stringify(name)}, expected one of ${[...byName.keys()].join(", ")}`,
    );
  return control;
}

/**
 * What choices come to: the options of `replay` that its flags of the same names give.
 * @throws InputError naming the choice whose value does not fit, or that does not go with another
 */
export function replayOfChoices(choices: ExploreChoices): ChosenReplay {
  for (const [name, value] of Object.entries(choices)) requireFit(exploreControl(name), value);
  const engine = Object.fromEntries(
    exploreControls.flatMap(({ name, setting }) =>
      setting === undefined || choices[name] === undefined ? [] : [[setting, choices[name]]],
    ),
  );
  const number = (name: string) => (choices[name] === undefined ? undefined : Number(choices[name]));
  const { pacing, router } = choices;
  const [maxInFlight, replicas, timeoutS] = ["max-concurrency", "replicas", "request-timeout"].map(number);
  if (pacing !== undefined && maxInFlight !== undefined)
    throw new InputError("explore: pacing and max-concurrency each force a pacing: choose one of them");
  if (choices["on-timeout"] !== undefined && timeoutS === undefined)
    throw new InputError("explore: on-timeout says what follows a time limit: choose request-timeout too");
  const seed = number("seed");
  const turns = number("turns");
  return {
    options: {
      engine: someEngineSettings(engine, "explore") as Partial<EngineSettings>,
      prompts: choices["cold-prompts"] === "on" ? "unique" : "recorded",
      rateScale: number("rate-scale") ?? 1,
      thinkScale: number("think-scale") ?? 1,
      ...(pacing !== undefined && { pacing: pacing as Pacing }),
      ...(maxInFlight !== undefined && { pacing: "closed-loop" as const, maxInFlight }),
      ...(timeoutS !== undefined && { requestTimeoutMs: 1000 * timeoutS }),
      ...(choices["on-timeout"] !== undefined && { onTimeout: choices["on-timeout"] as OnTimeout }),
      ...(replicas !== undefined && { replicas }),
      ...(router !== undefined && { router }),
      ...(seed !== undefined && { seed }),
    },
    ...(turns !== undefined && { turns }),
  };
}

function requireFit({ name, kind, words, min, setting }: ExploreControl, value: string): void {
  const expected = (what: string) =>
    new InputError(`explore: ${name} must be ${what}, got ${JSON.stringify(value)}`);
  if (kind === "switch" && value !== "on" && value !== "off") throw expected("on or off");
  if (kind === "word" && words && !words.includes(value)) throw expected(`one of ${words.join(", ")}`);
  // The engine's settings are checked by their own rows.
  if ((kind !== "number" && kind !== "whole") || setting !== undefined) return;
  const number = value.trim() === "" ? Number.NaN : Number(value);
  const fits =
    Number.isFinite(number) && number >= (min ?? 0) && (kind === "number" || Number.isSafeInteger(number));
  if (!fits)
    throw expected(
      kind === "whole" ? `a whole number >= ${min ?? 0}` : min === 0 ? "a number >= 0" : "a number > 0",
    );
}

/** Choices as the flags of `replay` that say the same, in the order of the rows. */
export function flagsOfChoices(choices: ExploreChoices): string[] {
  return exploreControls.flatMap(({ name, typed }) => {
    const value = choices[name];
    const flag = value === undefined ? "" : typed(value);
    return flag === "" ? [] : [flag];
  });
}

/** Name of the choice that is a setting of the engine. */
export function choiceOfSetting(setting: EngineSettingName): string {
  return engineSettings[setting].flag.slice(2);
}
