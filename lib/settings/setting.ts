import { describeValue, InputError } from "../base/index.js";

/**
 * Checks a value given in code, on a command line or in a meta line, and returns it in its own type.
 * @param where what it was given in, for the message
 * @throws InputError when it does not fit
 */
export type Parse<T> = (where: string, value: unknown) => T;

/** Everything there is to know of one engine setting: its name in code is its key in the table. */
export interface Setting<T> {
  /** The key of a trace's meta line under which it is written and read back. */
  readonly wire: string;
  /** Other keys under which captures tell it. */
  readonly alsoRead?: readonly string[];
  /** The wire's number less this is the setting's. Default 0. */
  readonly wireOffset?: number;
  /** The command line's flag, without a value's placeholder. Switches also have a `--no-` form. */
  readonly flag: string;
  /** What a value is called in a command's help; undefined for a switch. */
  readonly placeholder?: string;
  /** Name of the sweep's axis, where it is not the flag without its dashes. */
  readonly axis?: string;
  /** What it means, in a few words. */
  readonly says: string;
  /** What it is where nothing tells: vLLM's default for a single mid-size accelerator. Undefined: an engine need not have it. */
  readonly usual: T;
  readonly parse: Parse<T>;
}

/** A whole number of at least `min` and at most `max`, also as text. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): Parse<number> {
  return (where, value) => {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= min && number <= max)
      return number;
    const range = max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `from ${min} to ${max}`;
    throw new InputError(`${where} must be a whole number ${range}, got ${describeValue(value)}`);
  };
}

/** A number of at least `min`, also as text. */
export function numberFrom(min: number): Parse<number> {
  return (where, value) => {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "number" && Number.isFinite(number) && number >= min) return number;
    throw new InputError(`${where} must be a number >= ${min}, got ${describeValue(value)}`);
  };
}

/** The check of a setting that an engine need not have: its type allows for that, a given value is checked all the same. */
export function optional<T>(parse: Parse<T>): Parse<T | undefined> {
  return parse;
}

/** One of some words. */
export function oneOf<const W extends readonly string[]>(...words: W): Parse<W[number]> {
  return (where, value) => {
    const word = words.find((known) => known === value);
    if (word !== undefined) return word;
    throw new InputError(`${where} must be one of ${words.join(", ")}, got ${describeValue(value)}`);
  };
}

/** A switch: a boolean, or on and off as people and programs write them. */
export const onOff: Parse<boolean> = (where, value) => {
  const word = typeof value === "string" ? value.toLowerCase() : value;
  if (word === true || word === "on" || word === "true") return true;
  if (word === false || word === "off" || word === "false") return false;
  throw new InputError(`${where} must be on or off, got ${describeValue(value)}`);
};

/** A policy: the value itself, or the word that names a shipped one. Which words there are, the room that has them knows. */
export interface NamedPolicy {
  readonly name: string;
}

/** A policy's word, or the policy. */
export const wordOrPolicy: Parse<string | NamedPolicy> = (where, value) => {
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "object" && value !== null && typeof (value as NamedPolicy).name === "string")
    return value as NamedPolicy;
  throw new InputError(`${where} must be the name of a policy or a policy, got ${describeValue(value)}`);
};
