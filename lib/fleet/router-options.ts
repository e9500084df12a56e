import { describeValue, InputError, requireFinite, requireInteger } from "../base/index.js";

/** An option of a router. One whose usual value is a word takes one of `words`. */
export interface RouterOption {
  readonly says: string;
  readonly usual: number | string;
  /** What it is called behind a router's name on a command line. Default: its name. */
  readonly word?: string;
  readonly min?: number;
  readonly max?: number;
  readonly isWhole?: boolean;
  readonly words?: readonly string[];
}

/** A router's options, by name. */
export type RouterOptionTable = Readonly<Record<string, RouterOption>>;

/** A value for each option of a table. */
export type OptionValues<Table extends RouterOptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly words: readonly (infer Word)[] }
    ? Word
    : number;
};

/**
 * The usual values of what is not given, and what is given, checked.
 * @throws InputError for an option that there is not, and a value that does not fit
 */
export function chooseOptions<Table extends RouterOptionTable>(
  router: string,
  table: Table,
  given: Partial<OptionValues<Table>>,
): OptionValues<Table> {
  const chosen: Record<string, unknown> = {};
  for (const [name, { usual }] of Object.entries(table)) chosen[name] = usual;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(table, name)) throw unknownOption(router, table, name);
    chosen[name] = checked(router, name, table[name], value);
  }
  return chosen as OptionValues<Table>;
}

function checked(router: string, name: string, option: RouterOption, value: unknown): number | string {
  const { words, isWhole, min, max } = option;
  if (words) {
    if (typeof value === "string" && words.includes(value)) return value;
    throw new InputError(
      `router "${router}": ${name} must be one of ${words.join(", ")}, got ${describeValue(value)}`,
    );
  }
  const where = `router "${router}"`;
  requireFinite(where, name, value, min, max);
  return isWhole ? requireInteger(where, name, value, min) : (value as number);
}

/** A router's name with the options that are not as usual, as it is written on a command line. */
export function nameWithOptions(
  router: string,
  table: RouterOptionTable,
  options: Readonly<Record<string, number | string>>,
): string {
  const told = Object.entries(table)
    .filter(([name, { usual }]) => options[name] !== usual)
    .map(([name, { word = name }]) => `:${word}=${options[name]}`);
  return router + told.join("");
}

/**
 * Options as they stand behind a router's name: `word=value`, one or several between colons.
 * @throws InputError when one is none of the router's, or its value does not fit
 */
export function parseOptions(
  router: string,
  table: RouterOptionTable,
  texts: readonly string[],
): Record<string, number | string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      const word = at < 0 ? text : text.slice(0, at);
      const found = Object.entries(table).find(([name, option]) => (option.word ?? name) === word);
      if (!found) throw unknownOption(router, table, word);
      const value = at < 0 ? "" : text.slice(at + 1);
      const isNumber = !found[1].words && Number.isFinite(Number(value)) && value.trim() !== "";
      return [found[0], checked(router, word, found[1], isNumber ? Number(value) : value)];
    }),
  );
}

function unknownOption(router: string, table: RouterOptionTable, given: string): InputError {
  const words = Object.entries(table).map(([name, { word = name }]) => word);
  const expected = words.length === 0 ? "it has none" : `it has ${words.join(", ")}`;
  return new InputError(`router "${router}": no option ${describeValue(given)}: ${expected}`);
}
