import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError, isJsonObject, type JsonObject } from "../../base/index.js";

/** A tokenizer that was read from a file. */
export interface OpenTokenizer {
  /** Token ids of a text, with the special ones that the tokenizer adds to a text, or without. */
  encode(text: string, withSpecial: boolean): readonly number[];
  /** What `tokenizer_config.json` beside it holds; empty where there is none. */
  readonly config: JsonObject;
}

/**
 * The tokenizer in a `tokenizer.json` of Hugging Face, with the `tokenizer_config.json` beside it where there is one.
 * @throws InputError when the file cannot be read as a tokenizer
 * @example
 * ```ts
 * import { writeFileSync } from "node:fs";
 * import { openTokenizer } from "prefixlab/trace/files";
 * const model = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] };
 * const parts = { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
 * writeFileSync("tokenizer.json", JSON.stringify({ model, ...parts }));
 * (await openTokenizer("tokenizer.json")).encode("abb", false); // → [2, 1]
 * ```
 */
export async function openTokenizer(path: string): Promise<OpenTokenizer> {
  const beside = await readFile(join(dirname(path), "tokenizer_config.json"), "utf8").catch(() => "{}");
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    const config: unknown = JSON.parse(beside);
    const settings = isJsonObject(config) ? config : {};
    const tokenizer = new Tokenizer(JSON.parse(await readFile(path, "utf8")) as object, settings);
    return {
      encode: (text, withSpecial) =>
        text === "" && !withSpecial ? [] : tokenizer.encode(text, { add_special_tokens: withSpecial }).ids,
      config: settings,
    };
  } catch (error) {
    throw new InputError(
      `${path} is no tokenizer.json of Hugging Face, or what is beside it does not fit: ${(error as Error).message}`,
    );
  }
}
