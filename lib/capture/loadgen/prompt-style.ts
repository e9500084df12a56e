import { InputError, WorkError } from "../../base/index.js";
import { tokenRange } from "../../workload/index.js";
import type { PromptStyle } from "./conversation.js";
import type { LoadgenOptions } from "./loadgen-options.js";
import type { ServerFacts } from "./server-facts.js";

/** Characters of synthesized text a token where nothing counts tokens: short syllables tokenize to about this. */
const ASSUMED_CHARACTERS_PER_TOKEN = 3;

/**
 * Chooses how prompts are written: token ids are exact and spare the server its tokenizer, so they are taken where
 * the server tells which ids are ordinary text and returns those of its answers.
 * @throws InputError when the options ask for what the server cannot do
 */
export function choosePromptStyle(options: LoadgenOptions, server: ServerFacts): PromptStyle {
  const charactersPerToken = server.charactersPerToken ?? ASSUMED_CHARACTERS_PER_TOKEN;
  if (options.endpoint === "chat") return { kind: "messages", charactersPerToken };
  const pool = options.tokenIdRange ? tokenRange(...options.tokenIdRange) : server.tokenPool;
  if (options.promptAs === "text") return { kind: "text", charactersPerToken };
  if (options.promptAs === "auto" && !(pool && server.returnsTokenIds))
    return { kind: "text", charactersPerToken };
  if (!pool)
    throw new InputError(
      "runLoadgen: prompts as token ids need to know which ids are ordinary text: the server has no /tokenize, so give tokenIdRange",
    );
  if (options.pattern === "multiturn" && !server.returnsTokenIds)
    throw new InputError(
      "runLoadgen: multi-turn prompts as token ids need the ids of the answers, which the server does not return: use text",
    );
  return { kind: "ids", pool };
}

/**
 * Refuses a load whose longest context does not fit the model, before a request is sent.
 * @throws WorkError naming both sizes
 */
export function requireContextFits(options: LoadgenOptions, server: ServerFacts): void {
  if (server.maxModelTokens === undefined) return;
  // A sweep's background decodes twice the output length.
  const perTurn = options.promptTokens + options.outputTokens * (options.pattern === "sweep" ? 2 : 1);
  const longest = options.pattern === "multiturn" ? options.prefixTokens + options.turns * perTurn : perTurn;
  if (longest > server.maxModelTokens)
    throw new WorkError(
      `runLoadgen: the longest request takes ${longest} tokens, but ${options.model} has a context of ${server.maxModelTokens}`,
    );
}
