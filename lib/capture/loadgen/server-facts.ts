import { InputError, type Tokens } from "../../base/index.js";
import type { JsonValue } from "../../trace/index.js";
import { promptText, type TokenPool, tokenPoolOf } from "../../workload/index.js";
import { askEngine, countOf, type EnginePages, engineFacts, modelEntries } from "../wire/index.js";
import { ApiClient, type ApiClientOptions } from "./api-client.js";
import type { Prompt } from "./prompt.js";
import type { PromptTokenizer } from "./prompt-tokenizer.js";

/** What a server turned out to offer, asked before the measured load begins. */
export interface ServerFacts {
  /** Name, version and settings of the engine as far as it tells them, by the names that a trace's meta line has. */
  readonly engine: Readonly<Record<string, JsonValue>>;
  /** The model's longest context, where `/v1/models` tells it (vLLM). */
  readonly maxModelTokens?: Tokens;
  /** It returns the token ids of prompts and answers. */
  readonly returnsTokenIds: boolean;
  /** It refuses fields outside OpenAI's own API. */
  readonly strictFields: boolean;
  /** It has a tokenizer to ask: `/tokenize` (vLLM, SGLang, llama.cpp). */
  readonly tokenizes: boolean;
  /** Tokens of ordinary text, where the server or a tokenizer file tells them. */
  readonly tokenPool?: TokenPool;
  /** Characters of synthesized text a token, measured on a sample; undefined when nothing counts tokens. */
  readonly charactersPerToken?: number;
}

const SAMPLE_CHARACTERS = 2_000;

/**
 * Asks a server what it offers: its version, a tokenizer, token ids, and whether it takes the fields that are not
 * OpenAI's. It costs a few small requests, one of which generates two tokens.
 * @throws InputError when the server does not answer at all, or refuses the model
 */
export async function learnServer(
  options: ApiClientOptions & {
    readonly endpoint: "completions" | "chat";
    readonly tokenizer?: PromptTokenizer | undefined;
  },
): Promise<ServerFacts> {
  const client = new ApiClient({ ...options, timeoutMs: Math.min(options.timeoutMs, 120_000) });
  const plain = new ApiClient({
    ...options,
    timeoutMs: Math.min(options.timeoutMs, 120_000),
    sampling: { ...options.sampling, ignoreEos: false, returnTokenIds: false },
  });
  try {
    const sample = promptText({ seed: 0, name: "tokenizer sample", characters: SAMPLE_CHARACTERS });
    const prompt: Prompt =
      options.endpoint === "chat"
        ? { kind: "messages", messages: [{ role: "user", content: sample }] }
        : { kind: "text", text: sample };
    let strictFields = false;
    let probe = await client.send(prompt, 2);
    if (probe.failure?.detail.startsWith("HTTP 4")) {
      probe = await plain.send(prompt, 2);
      strictFields = probe.failure === undefined;
    }
    if (probe.failure)
      throw new InputError(
        `runLoadgen: ${options.url} does not serve ${options.model}: ${probe.failure.detail}`,
      );
    const [pages, tokenized] = await Promise.all([
      askEngine((path) => client.text("GET", path)),
      client.json("POST", "/tokenize", {
        model: options.model,
        prompt: sample,
        content: sample,
        add_special_tokens: false,
      }),
    ]);
    const serverIds = tokenIdsOf(tokenized);
    const ids = serverIds ?? (await options.tokenizer?.encode({ kind: "text", text: sample }));
    const sampleTokens = ids?.length ?? (probe.usage?.promptTokens || undefined);
    const maxModelTokens = maxModelTokensOf(pages, options.model);
    return {
      returnsTokenIds: probe.promptTokenIds !== undefined && probe.outputTokenIds !== undefined,
      strictFields,
      tokenizes: serverIds !== undefined,
      engine: engineFacts(pages),
      ...(maxModelTokens !== undefined && { maxModelTokens }),
      ...(ids && { tokenPool: tokenPoolOf(ids) }),
      ...(sampleTokens !== undefined && { charactersPerToken: SAMPLE_CHARACTERS / sampleTokens }),
    };
  } finally {
    client.close();
    plain.close();
  }
}

function tokenIdsOf(answer: unknown): number[] | undefined {
  const tokens = (answer as { tokens?: unknown } | undefined)?.tokens;
  return Array.isArray(tokens) && tokens.length > 0 && tokens.every(Number.isInteger)
    ? (tokens as number[])
    : undefined;
}

function maxModelTokensOf({ models }: EnginePages, model: string): Tokens | undefined {
  return countOf(
    modelEntries(models).find(({ id }) => id === model),
    "max_model_len",
  );
}
