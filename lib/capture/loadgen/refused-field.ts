import { asObject } from "../../base/index.js";
import { asArray, asText } from "../wire/index.js";

/** Where validators of any kind put the name of a field: OpenAI's `param`, pydantic's `loc`, JSON schema's paths. */
const namingKeys = /^(param|parameter|loc|location|field|property|path|pointer|instancePath|argument)$/i;
/** What was sent, or may be: not what is wrong. */
const quotingKeys = /^(input|ctx|url|expected|allowed|supported|valid)/i;
const refusingWords =
  /n't\b|\b(not|cannot|no|un\w+|invalid|incompatible|extra|additional|illegal|forbidden|prohibited|rejected|refused|deprecated|only|disallowed)\b/i;
/** No refusal is nested deeper. */
const DEEPEST = 12;
/** What was sent, quoted in words. */
const quotedInput = /\binput(_value)?['"]?\s*[=:].*/gis;
/** Names inside a field, by which some servers refuse it. */
const insides: ReadonlyMap<string, string> = new Map([["include_usage", "stream_options"]]);
/** A list of what may be sent, to the end of its sentence. */
const listOfTheGood =
  /(?<!n[o']t (?:an? |be )?|no )\b(expected|allowed|permitted|supported|valid|known|accepted|available)\b[^.;\n]*?(:| one of | are )[^.;\n]*/gi;
const unsupportedWords =
  /unsupported|not (?:supported|permitted|allowed|recogni[sz]ed|accepted|known|expected)|unknown|unrecogni[sz]ed|unexpected|extra (?:fields?|inputs?|keys?)|additional propert|deprecated|no such|cannot find field|instead/i;

/**
 * The field that a server names as the reason why it refuses a request, in any dress that such an answer has: a `param`, a
 * `loc`, or in words (`stream_options: extra fields not permitted`, `Unrecognized request argument supplied: ignore_eos`,
 * `unknown field "ignore_eos", expected one of ...`). Of several the one that is named first.
 * @param answer body of the refusal
 * @param candidates names of fields that can be left out
 * @returns undefined where none of them is named, or where a limit on the output is only too large or too small
 */
export function refusedField(answer: string, candidates: readonly string[]): string | undefined {
  const json = parsed(answer);
  const text = json === undefined ? answer : allText(json).join("\n");
  const named = namedInPlace(json, candidates) ?? namedInWords(text, candidates);
  const inner = [...insides].find(([name, outer]) => candidates.includes(outer) && text.includes(name));
  const field = named ?? (inner && refusingWords.test(text) ? inner[1] : undefined);
  // The size of an output is what was asked for: a server that cannot give it does not refuse the field.
  if (field?.startsWith("max_") && !unsupportedWords.test(text)) return undefined;
  return field;
}

function namedInPlace(value: unknown, candidates: readonly string[], depth = 0): string | undefined {
  if (depth > DEEPEST) return undefined;
  for (const item of asArray(value)) {
    const field = namedInPlace(item, candidates, depth + 1);
    if (field !== undefined) return field;
  }
  for (const [key, inner] of Object.entries(asObject(value) ?? {})) {
    if (quotingKeys.test(key)) continue;
    if (namingKeys.test(key)) {
      const segments = Array.isArray(inner) ? inner.map(String) : (asText(inner) ?? "").split(/[^\w]+/);
      const field = segments.find((segment) => candidates.includes(segment));
      if (field !== undefined) return field;
    }
    const field = namedInPlace(inner, candidates, depth + 1);
    if (field !== undefined) return field;
  }
  return undefined;
}

function namedInWords(text: string, candidates: readonly string[]): string | undefined {
  if (!refusingWords.test(text)) return undefined;
  const blamed = text.replace(quotedInput, " ").replace(listOfTheGood, " ");
  const places = candidates.map((name) => ({
    name,
    at: blamed.search(new RegExp(`(?<!\\w)${name}(?!\\w)`)),
  }));
  return places.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at)[0]?.name;
}

function allText(value: unknown, depth = 0): string[] {
  if (typeof value === "string") return [value];
  if (depth > DEEPEST) return [];
  if (Array.isArray(value)) return value.flatMap((item) => allText(item, depth + 1));
  return Object.entries(asObject(value) ?? {}).flatMap(([key, inner]) =>
    quotingKeys.test(key) ? [] : allText(inner, depth + 1),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
