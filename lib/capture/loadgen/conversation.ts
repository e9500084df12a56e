import { type Tokens, WorkError } from "../../base/index.js";
import { promptText, promptTokenIds, type TokenPool } from "../../workload/index.js";
import type { Exchange } from "./exchange.js";
import type { ChatMessage, Prompt } from "./prompt.js";

/** How prompts are written. Sizes in tokens become characters at `charactersPerToken` where they go as text. */
export type PromptStyle =
  | { readonly kind: "ids"; readonly pool: TokenPool }
  | { readonly kind: "text"; readonly charactersPerToken: number }
  | { readonly kind: "messages"; readonly charactersPerToken: number };

/** What a request sends. */
export interface PromptSource {
  /** The whole context as the next prompt. */
  prompt(): Prompt;
  /** The context's token ids, where the client knows them without asking. */
  tokenIds(): Int32Array | undefined;
  /** Tokens of the context: exact as ids, expected as text. */
  tokens(): Tokens;
  /** Its text is made up: all such texts of one length have about as many tokens. */
  readonly isSynthesized?: boolean;
}

/** A growing context: seeded parts and the server's real answers, in order. */
export interface Conversation extends PromptSource {
  /** Appends a new prompt of this size; the name fixes its content. */
  say(name: string, tokens: Tokens): void;
  /** Appends the answer. @throws WorkError when it cannot be appended as it was generated */
  hear(exchange: Exchange): void;
}

/**
 * Starts conversations whose contents depend on the seed and the names of their parts alone. A part that is said
 * under the same name in two conversations has the same content: that is how prefixes are shared.
 */
export class Conversations {
  readonly #style: PromptStyle;
  readonly #seed: number | string;
  readonly #prefixes = new Map<string, IdsPart>();

  constructor(style: PromptStyle, seed: number | string) {
    this.#style = style;
    this.#seed = seed;
  }

  /** A conversation that starts with a shared prefix, or empty. */
  start(prefix?: { readonly name: string; readonly tokens: Tokens }): Conversation {
    switch (this.#style.kind) {
      case "ids":
        return this.#startIds(this.#style.pool, prefix);
      case "text":
        return this.#startText(this.#style.charactersPerToken, prefix);
      case "messages":
        return this.#startMessages(this.#style.charactersPerToken, prefix);
    }
  }

  #startIds(pool: TokenPool, prefix: { name: string; tokens: Tokens } | undefined): Conversation {
    const write = (name: string, tokens: Tokens) =>
      idsPart(promptTokenIds({ seed: this.#seed, name, tokens, pool }));
    const parts: IdsPart[] = [];
    if (prefix && prefix.tokens > 0) {
      const key = `${prefix.name}/${prefix.tokens}`;
      const part = this.#prefixes.get(key) ?? write(prefix.name, prefix.tokens);
      this.#prefixes.set(key, part);
      parts.push(part);
    }
    return {
      say: (name, tokens) => void parts.push(write(name, tokens)),
      hear: (exchange) => {
        if (!exchange.outputTokenIds)
          throw new WorkError("runLoadgen: the server gave no token ids of an answer: send prompts as text");
        parts.push(idsPart(Int32Array.from(exchange.outputTokenIds)));
      },
      prompt: () => ({
        kind: "ids",
        json: parts.flatMap((part) => (part.json === "" ? [] : [part.json])).join(","),
      }),
      tokenIds: () => joinIds(parts),
      tokens: () => countIds(parts),
    };
  }

  #startText(charactersPerToken: number, prefix: { name: string; tokens: Tokens } | undefined): Conversation {
    let text = prefix && prefix.tokens > 0 ? this.#text(prefix.name, prefix.tokens, charactersPerToken) : "";
    return {
      say: (name, tokens) => {
        text += this.#text(name, tokens, charactersPerToken);
      },
      hear: (exchange) => {
        text += exchange.text;
      },
      prompt: () => ({ kind: "text", text }),
      tokenIds: () => undefined,
      tokens: () => Math.round(text.length / charactersPerToken),
      isSynthesized: true,
    };
  }

  #startMessages(
    charactersPerToken: number,
    prefix: { name: string; tokens: Tokens } | undefined,
  ): Conversation {
    const messages: ChatMessage[] = [];
    let characters = 0;
    const push = (role: string, content: string) => {
      messages.push({ role, content });
      characters += content.length;
    };
    if (prefix && prefix.tokens > 0)
      push("system", this.#text(prefix.name, prefix.tokens, charactersPerToken));
    return {
      say: (name, tokens) => push("user", this.#text(name, tokens, charactersPerToken)),
      // The answer's text alone: clients leave out what the model thought.
      hear: (exchange) => push("assistant", exchange.text),
      prompt: () => ({ kind: "messages", messages: [...messages] }),
      tokenIds: () => undefined,
      tokens: () => Math.round(characters / charactersPerToken),
      isSynthesized: true,
    };
  }

  /** A part begins with a space, so that its first word does not merge with what stands before it. */
  #text(name: string, tokens: Tokens, charactersPerToken: number): string {
    const characters = Math.max(1, Math.round(tokens * charactersPerToken));
    return ` ${promptText({ seed: this.#seed, name, characters: characters - 1 })}`;
  }
}

interface IdsPart {
  readonly ids: Int32Array;
  readonly json: string;
}

function idsPart(ids: Int32Array): IdsPart {
  return { ids, json: ids.join(",") };
}

function countIds(parts: readonly IdsPart[]): Tokens {
  return parts.reduce((sum, { ids }) => sum + ids.length, 0);
}

function joinIds(parts: readonly IdsPart[]): Int32Array {
  const joined = new Int32Array(countIds(parts));
  let at = 0;
  for (const { ids } of parts) {
    joined.set(ids, at);
    at += ids.length;
  }
  return joined;
}
