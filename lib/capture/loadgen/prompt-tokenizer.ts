import { openTokenizer } from "../../trace/files/index.js";
import { fieldOf, isTokenId } from "../wire/index.js";
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
 * A tokenizer from a file, see `openTokenizer`. It knows no chat template, so it cannot tell the ids of chats.
 * @throws InputError when the file cannot be read as a tokenizer
 */
export async function fileTokenizer(path: string): Promise<PromptTokenizer> {
  const { encode } = await openTokenizer(path);
  return {
    source: "library: @huggingface/tokenizers",
    encode: async (prompt, answer = "") => {
      if (prompt.kind === "ids") return prompt.json.split(",").map(Number);
      return prompt.kind === "text" ? encode(prompt.text + answer, true) : undefined;
    },
  };
}

/**
 * The server's own tokenizer: `POST /tokenize` of vLLM, SGLang and llama.cpp. The latter takes no chats: its
 * `/apply-template` writes them as the text that it tokenizes, marks included.
 */
export function serverTokenizer(client: ApiClient, model: string): PromptTokenizer {
  // Known with the first chat that /tokenize does not take.
  let rendersItself: boolean | undefined;
  return {
    source: "server: /tokenize",
    encode: async (prompt, answer = "") => {
      if (prompt.kind === "ids") return prompt.json.split(",").map(Number);
      if (prompt.kind === "text") return tokenized(client, { model, ...asText(prompt.text + answer) });
      const messages =
        answer === "" ? prompt.messages : [...prompt.messages, { role: "assistant", content: answer }];
      const chat = { messages, ...(prompt.tools && { tools: prompt.tools }) };
      if (rendersItself !== true) {
        const ids = await tokenized(client, { model, ...chat });
        if (ids || rendersItself === false) return ids;
      }
      const rendered = fieldOf(await client.json("POST", "/apply-template", chat), "prompt");
      rendersItself = typeof rendered === "string";
      return typeof rendered === "string" ? tokenized(client, { model, ...asText(rendered) }) : undefined;
    },
  };
}

/** `content` is llama.cpp's name for it, which adds its first token only when asked. */
function asText(text: string) {
  return { prompt: text, content: text, add_special: true, parse_special: true };
}

async function tokenized(client: ApiClient, body: object): Promise<readonly number[] | undefined> {
  const ids = fieldOf(await client.json("POST", "/tokenize", body), "tokens");
  return Array.isArray(ids) && ids.length > 0 && ids.every(isTokenId) ? ids : undefined;
}
