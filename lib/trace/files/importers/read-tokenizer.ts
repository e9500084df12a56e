import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../../../base/index.js";

/**
 * The tokenizer in a `tokenizer.json` of Hugging Face, with the `tokenizer_config.json` beside it where there is one: from a
 * text to its token ids, without the special ones that a chat template adds.
 * @throws InputError when the file cannot be read as a tokenizer
 * @example
 * ```ts
 * import { writeFileSync } from "node:fs";
 * import { readTokenizer } from "prefixlab/trace/files";
 * const model = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] };
 * const parts = { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
 * writeFileSync("tokenizer.json", JSON.stringify({ model, ...parts }));
 * (await readTokenizer("tokenizer.json"))("abb"); // → [2, 1]
 * ```
 */
export async function readTokenizer(path: string): Promise<(text: string) => readonly number[]> {
  const config = await readFile(join(dirname(path), "tokenizer_config.json"), "utf8").catch(() => "{}");
  const { Tokenizer } = await import("@huggingface/tokenizers");
  const tokenizer = await readFile(path, "utf8")
    .then((json) => new Tokenizer(JSON.parse(json), JSON.parse(config)))
    .catch((error: Error) => {
      throw new InputError(`${path}: is no tokenizer.json: ${error.message}`);
    });
  return (text) => (text === "" ? [] : tokenizer.encode(text, { add_special_tokens: false }).ids);
}
