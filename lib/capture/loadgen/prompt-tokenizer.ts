import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { InputError } from "../../base/index.js";
import { isTokenId } from "../wire/index.js";
import type { ApiClient } from "./api-client.js";
import type { Prompt } from "./prompt.js";

/** Tells the token ids of prompts where the answers of the server do not. */
export interface PromptTokenizer {
  /** As the trace's meta line names it. */
  readonly source: string;
  /** The ids of a prompt, followed by `answer` if given; undefined when it cannot tell. */
  encode(prompt: Prompt, answer?: string): Promise<readonly number[] | undefined>;
}

/**
 * The tokenizer in a `tokenizer.json` of Hugging Face, with the `tokenizer_config.json` beside it where there is one.
 * It knows no chat template, so it cannot tell the ids of chats.
 * @throws InputError when the file cannot be read as a tokenizer
 */
export async function fileTokenizer(path: string): Promise<PromptTokenizer> {
  const config = await readFile(join(dirname(path), "tokenizer_config.json"), "utf8").catch(() => "{}");
  const tokenizer = await readFile(path, "utf8")
    .then((json) => new Tokenizer(JSON.parse(json), JSON.parse(config)))
    .catch((error: Error) => {
      throw new InputError(`runLoadgen: ${path} is no tokenizer.json: ${error.message}`);
    });
  return {
    source: "library: @huggingface/tokenizers",
    encode: async (prompt, answer = "") => {
      if (prompt.kind === "ids") return prompt.json.split(",").map(Number);
      return prompt.kind === "text" ? tokenizer.encode(prompt.text + answer).ids : undefined;
    },
  };
}

/** The server's own tokenizer: `POST /tokenize` of vLLM, SGLang and llama.cpp. */
export function serverTokenizer(client: ApiClient, model: string): PromptTokenizer {
  return {
    source: "server: /tokenize",
    encode: async (prompt, answer = "") => {
      if (prompt.kind === "ids") return prompt.json.split(",").map(Number);
      // `content` is llama.cpp's name for it.
      const asked =
        prompt.kind === "text"
          ? { prompt: prompt.text + answer, content: prompt.text + answer }
          : {
              messages:
                answer === ""
                  ? prompt.messages
                  : [...prompt.messages, { role: "assistant", content: answer }],
              ...(prompt.tools && { tools: prompt.tools }),
            };
      const reply = (await client.json("POST", "/tokenize", { model, ...asked })) as
        | { tokens?: unknown }
        | undefined;
      const ids = reply?.tokens;
      return Array.isArray(ids) && ids.length > 0 && ids.every(isTokenId) ? ids : undefined;
    },
  };
}
