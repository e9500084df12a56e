import { asObject } from "../../base/index.js";
import type { ChatPrompt, CompletionApi, CompletionRequest } from "../wire/index.js";
import type { PromptTokens } from "./prompt-tokens.js";

/** How often it is tried for an API before it is taken for settled. */
const MOST_TRIES = 4;

/**
 * How a server writes the tools of an API that it turns into chats itself. SGLang gives those of Anthropic's and OpenAI's
 * Responses API a `strict: false` that the client did not send (sglang 0.5.23, entrypoints/anthropic/serving.py), vLLM does
 * not; a template prints the one or the other. Where the server counts more tokens than its tokenizer tells, the other way
 * is tried, and kept for the API where the counts then agree.
 */
export class ToolDialect {
  readonly #strict = new Set<CompletionApi>();
  readonly #tries = new Map<CompletionApi, number>();

  /** The request as the server is known to turn it into a chat. */
  applied(request: CompletionRequest): CompletionRequest {
    return this.#strict.has(request.api) ? withStrictTools(request) : request;
  }

  /**
   * The tokens of a request, with the other way tried where it may be the server's.
   * @param claimed the server's count of the prompt
   * @param tokensOf reads a request's tokens again
   */
  async settled(
    request: CompletionRequest,
    tokens: readonly PromptTokens[],
    claimed: number | undefined,
    tokensOf: (request: CompletionRequest) => Promise<readonly PromptTokens[]>,
  ): Promise<readonly PromptTokens[]> {
    const { api, prompts } = request;
    const [prompt] = prompts;
    const seen = tokens[0]?.ids?.length;
    const tries = this.#tries.get(api) ?? 0;
    const mayDiffer =
      claimed !== undefined &&
      seen !== undefined &&
      claimed > seen &&
      tokens[0]?.things.length === 0 &&
      ["tokenize", "apply-template"].includes(tokens[0].source) &&
      prompt?.kind === "chat" &&
      prompt.chat.tools.length > 0 &&
      (api === "messages" || api === "responses");
    if (!mayDiffer || this.#strict.has(api) || tries >= MOST_TRIES) return tokens;
    this.#tries.set(api, tries + 1);
    const other = await tokensOf(withStrictTools(request));
    if (other[0]?.ids?.length !== claimed) return tokens;
    this.#strict.add(api);
    return other;
  }
}

function withStrictTools(request: CompletionRequest): CompletionRequest {
  return {
    ...request,
    prompts: request.prompts.map((prompt) =>
      prompt.kind === "chat" ? { kind: "chat", chat: strictChat(prompt.chat) } : prompt,
    ),
  };
}

function strictChat(chat: ChatPrompt): ChatPrompt {
  const tools = chat.tools.map((tool) => {
    const declared = asObject(asObject(tool)?.function);
    return declared ? { ...asObject(tool), function: { strict: false, ...declared } } : tool;
  });
  return { ...chat, tools };
}
