import type { Tokens } from "../../base/index.js";

/** What one message of an answer says: a streamed event, or the whole of an answer that is not streamed. */
export interface AnswerEvent {
  readonly choices: readonly ChoicePart[];
  readonly usage?: ServerUsage;
  /** The prompt's token ids, where the server returns them beside the choices (chat). */
  readonly promptTokenIds?: readonly number[];
  /** The error that the server reports, in its own words. */
  readonly errorMessage?: string;
  /** It says that nothing more comes. */
  readonly isEnd?: boolean;
  /** The name that the server gave the answer, by which a later request may go on from it. */
  readonly responseId?: string;
}

/** What an event adds to one choice. */
export interface ChoicePart {
  readonly index: number;
  /** Characters of text, thinking, refusal or tool call: more than none is a token at least. */
  readonly characters: number;
  /** The part of them that is the answer's text. */
  readonly text: string;
  /** Ids of the tokens in the event, where the server returns them (vLLM: `return_token_ids`). */
  readonly tokenIds?: readonly number[];
  readonly promptTokenIds?: readonly number[];
  readonly finishReason?: string;
}

/** Token counts as the server reports them: claims, which `weighCounts` holds against what was seen. */
export interface ServerUsage {
  readonly promptTokens?: Tokens;
  readonly outputTokens?: Tokens;
  readonly cachedTokens?: Tokens;
}
