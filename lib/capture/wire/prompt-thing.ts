import { createHash } from "node:crypto";
import { asObject, type JsonObject } from "../../base/index.js";
import { asArray, asText } from "./json-object.js";

/** A piece of a prompt that is no text: an image, a sound, a file. Equal digests are equal contents. */
export interface PromptThing {
  /** "image", "audio", "video", "file", or another name for it. */
  readonly thing: string;
  /** SHA-256 of what was sent for it (its bytes in base64, or its address), in hex. */
  readonly digest: string;
}

/** A piece of a prompt: text, or a thing that is taken as one. */
export type PromptPiece = string | PromptThing;

/** Marks for a server's cache and the like: not part of what the model reads, and they move from turn to turn. */
const MARKS = new Set(["cache_control", "cachePoint", "cache_point"]);

/** Base64 of more than this is no word of a text. */
const LONGEST_WORD = 512;

/**
 * The pieces of a message's content as any API writes it: text, a list of parts, or nothing. A part with text is its
 * text; one that carries or names an image, a sound or a file is a thing; any other is its JSON.
 */
export function contentPieces(content: unknown): PromptPiece[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [partPiece(content)];
  return content.map(partPiece);
}

/** JSON of what a prompt holds, without the marks that are no part of it. */
export function promptJson(value: unknown): string {
  return JSON.stringify(value, (key, field: unknown) => (MARKS.has(key) ? undefined : field)) ?? "";
}

/** How many marks for the server's cache a value has, at any depth. */
export function cacheMarks(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, entry) => sum + cacheMarks(entry), 0);
  const fields = asObject(value);
  if (!fields) return 0;
  let marks = 0;
  for (const [key, field] of Object.entries(fields))
    marks += MARKS.has(key) ? (field == null ? 0 : 1) : cacheMarks(field);
  return marks;
}

/** A thing by what was sent for it. */
export function promptThing(thing: string, sent: string): PromptThing {
  return { thing, digest: createHash("sha256").update(sent).digest("hex") };
}

function partPiece(part: unknown): PromptPiece {
  if (typeof part === "string") return part;
  const fields = asObject(part);
  const text = asText(fields?.text);
  if (text !== undefined) return text;
  const thing = fields && thingOf(fields);
  return thing ?? promptJson(part);
}

/** By its type or the name of its content, or because there is base64 in it. */
function thingOf(part: JsonObject): PromptThing | undefined {
  const named = [asText(part.type) ?? "", ...Object.keys(part)].find((name) => KINDS.test(name));
  if (named === undefined && !holdsBase64(part)) return undefined;
  const mime = /^data:(\w+)\/|^(image|audio|video)\//.exec(
    asText(asObject(part.source)?.media_type) ?? asText(part.mimeType) ?? asText(part.file_data) ?? "",
  );
  const kind = KINDS.exec(named ?? "")?.[2].toLowerCase();
  const told = mime?.[1] ?? mime?.[2] ?? kind ?? "file";
  return promptThing(["image", "audio", "video"].includes(told) ? told : "file", payload(part));
}

/** Types of content parts and names of their fields: OpenAI's, Anthropic's, vLLM's and Google's. */
const KINDS =
  /^(input_|output_|computer_)?(image|audio|video|document|file|screenshot)(_url|_embeds|_pil|_file|_id|_data|Data)?$/i;

/** What tells a part from others of its kind: all its strings in order, but for its type and names. */
function payload(part: unknown): string {
  const strings: string[] = [];
  collectStrings(part, strings);
  return strings.join("\0");
}

function collectStrings(value: unknown, strings: string[]): void {
  if (typeof value === "string") strings.push(value);
  else if (typeof value === "number") strings.push(String(value));
  else if (Array.isArray(value)) for (const entry of value) collectStrings(entry, strings);
  else
    for (const [key, field] of Object.entries(asObject(value) ?? {}))
      if (!MARKS.has(key) && key !== "type" && key !== "detail") collectStrings(field, strings);
}

/**
 * A field of a message beside its content that is a thing: it has bytes as text in it. Reasoning that a provider has
 * sealed looks the same, and is none: servers count the reasoning, or leave it out.
 */
export function isThingField(name: string, value: unknown): boolean {
  return !SEALED_FIELD.test(name) && holdsBase64(value);
}

/** Fields of a message that may be sealed by a provider, to be sent back as they are. */
const SEALED_FIELD = /reasoning|thinking|thought|signature|encrypted/;

/** A value with what is sealed in it replaced by a short name of it: as equal, and not as long. */
export function unsealed(value: unknown): unknown {
  if (typeof value === "string")
    return holdsBase64(value) ? promptThing("sealed", value).digest.slice(0, 16) : value;
  if (Array.isArray(value)) return value.map(unsealed);
  const fields = asObject(value);
  if (!fields) return value;
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, unsealed(field)]));
}

/** Somewhere in it are bytes as text. */
function holdsBase64(value: unknown): boolean {
  if (typeof value === "string")
    return value.length > LONGEST_WORD && /^(data:[^,]*,)?[A-Za-z0-9+/_=-]+$/.test(value);
  if (Array.isArray(value)) return value.some(holdsBase64);
  const fields = asObject(value);
  return fields !== undefined && asArray(Object.values(fields)).some(holdsBase64);
}
