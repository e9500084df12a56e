import { InputError, WorkError } from "../../base/index.js";
import { tokenRange } from "../../workload/index.js";
import type { PromptStyle } from "./conversation.js";
import type { LoadgenOptions } from "./loadgen-options.js";
import type { ServerFacts } from "./server-facts.js";

/** Characters of synthesized text a token where nothing counts tokens: short syllables tokenize to about this. */
const ASSUMED_CHARACTERS_PER_TOKEN = 3;

/** Characters of text a token, as far as the server tells. */
export function charactersPerToken(server: ServerFacts): number {
  return server.charactersPerToken ?? ASSUMED_CHARACTERS_PER_TOKEN;
}

/**
 * Chooses how prompts are written: token ids are exact and spare the server its tokenizer, so they are taken where
 * the server tells which ids are ordinary text and returns those of its answers.
 * @throws InputError when the options ask for what the server cannot do
 */
export function choosePromptStyle(options: LoadgenOptions, server: ServerFacts): PromptStyle {
  const size = { charactersPerToken: charactersPerToken(server) };
  if (options.endpoint !== "completions") return { kind: "messages", ...size };
  if (options.pattern === "conversations") return { kind: "text", ...size };
  const pool = options.tokenIdRange ? tokenRange(...options.tokenIdRange) : server.tokenPool;
  if (options.promptAs === "text") return { kind: "text", ...size };
  if (options.promptAs === "auto" && !(pool && server.returnsTokenIds)) return { kind: "text", ...size };
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
  // How long recorded text is in tokens is known to the server alone.
  if (server.maxModelTokens === undefined || options.pattern === "conversations") return;
  // A sweep's background decodes twice the output length.
  const perTurn = options.promptTokens + options.outputTokens * (options.pattern === "sweep" ? 2 : 1);
  const longest = options.pattern === "multiturn" ? options.prefixTokens + options.turns * perTurn : perTurn;
  if (longest > server.maxModelTokens)
    throw new WorkError(
      `runLoadgen: the longest request takes ${longest} tokens, but ${options.model} has a context of ${server.maxModelTokens}`,
    );
}
