import type { Tokens } from "../../base/index.js";
import type { JsonValue } from "../../trace/index.js";
import { promptText, type TokenPool, tokenPoolOf } from "../../workload/index.js";
import { askEngine, countOf, type EnginePages, engineFacts, modelEntries } from "../wire/index.js";
import { ApiClient, type ApiClientOptions } from "./api-client.js";
import { probeServer } from "./probe-server.js";
import type { Prompt } from "./prompt.js";
import type { PromptTokenizer } from "./prompt-tokenizer.js";
import type { RequestWriter } from "./request-writer.js";

/** What a server turned out to offer, asked before the measured load begins. */
export interface ServerFacts {
  /** Name, version and settings of the engine as far as it tells them, by the names that a trace's meta line has. */
  readonly engine: Readonly<Record<string, JsonValue>>;
  /** The model's longest context, where `/v1/models` tells it (vLLM). */
  readonly maxModelTokens?: Tokens;
  /** It returns the token ids of prompts and answers. */
  readonly returnsTokenIds: boolean;
  /** It tells token counts. */
  readonly tellsUsage: boolean;
  /** It has a tokenizer to ask: `/tokenize` (vLLM, SGLang, llama.cpp). */
  readonly tokenizes: boolean;
  /** Tokens of ordinary text, where the server or a tokenizer file tells them. */
  readonly tokenPool?: TokenPool;
  /** Characters of synthesized text a token, measured on a sample; undefined when nothing counts tokens. */
  readonly charactersPerToken?: number;
}

const SAMPLE_CHARACTERS = 2_000;
/** No tokenizer makes fewer of such a text: a smaller count is of what was computed, after what was cached. */
const FEWEST_SAMPLE_TOKENS = SAMPLE_CHARACTERS / 10;

/**
 * Asks a server what it offers: its version, a tokenizer, token ids, and which optional fields it takes: those that it
 * refuses are left out of what the writer writes. It costs a few small requests, one of which generates two tokens.
 * @throws InputError when the server does not answer at all, or refuses the model
 */
export async function learnServer(
  options: ApiClientOptions & {
    readonly writer: RequestWriter;
    readonly tokenizer?: PromptTokenizer | undefined;
  },
): Promise<ServerFacts> {
  const client = new ApiClient({ ...options, timeoutMs: Math.min(options.timeoutMs, 120_000) });
  const { writer } = options;
  try {
    const sample = promptText({ seed: 0, name: "tokenizer sample", characters: SAMPLE_CHARACTERS });
    const prompt: Prompt =
      writer.endpoint === "completions"
        ? { kind: "text", text: sample }
        : { kind: "messages", messages: [{ role: "user", content: sample }] };
    const probe = await probeServer(client, writer, prompt, options.url);
    const [pages, tokenized] = await Promise.all([
      askEngine((path) => client.text("GET", path)),
      client.json("POST", "/tokenize", {
        model: writer.model,
        prompt: sample,
        content: sample,
        add_special_tokens: false,
      }),
    ]);
    const serverIds = tokenIdsOf(tokenized);
    const ids = serverIds ?? (await options.tokenizer?.encode({ kind: "text", text: sample }));
    const counted = probe.usage?.promptTokens ?? 0;
    const sampleTokens = ids?.length ?? (counted >= FEWEST_SAMPLE_TOKENS ? counted : undefined);
    const maxModelTokens = maxModelTokensOf(pages, writer.model);
    const returnsTokenIds = probe.promptTokenIds !== undefined && probe.outputTokenIds !== undefined;
    if (!returnsTokenIds) writer.leaveOut("return_token_ids");
    return {
      returnsTokenIds,
      tellsUsage: probe.usage !== undefined,
      tokenizes: serverIds !== undefined,
      engine: engineFacts(pages),
      ...(maxModelTokens !== undefined && { maxModelTokens }),
      ...(ids && { tokenPool: tokenPoolOf(ids) }),
      ...(sampleTokens !== undefined && { charactersPerToken: SAMPLE_CHARACTERS / sampleTokens }),
    };
  } finally {
    client.close();
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
