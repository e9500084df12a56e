/**
 * The APIs between clients and servers, read from either side: which API a request speaks, its prompt whatever that API,
 * completion events, prompts as text and as byte tokens. Shared by the tap (which reads what others say), the load
 * generator and the served engine (which says it); and what the other end tells of itself.
 *
 * Read `completion-api.ts` first, then `completion-request.ts` (a request of any API) and `chat-prompt.ts` (what its
 * prompt becomes); each API's bodies are read by a file of their own.
 */
export { byteLength, bytesText, byteTokens } from "./byte-tokens.js";
export { type ChatPart, type ChatPrompt, chatParts } from "./chat-prompt.js";
export { ANSWER_BEGIN, type ChatMessage, chatText } from "./chat-text.js";
export { cutBeforeThing, thingsOf, withoutThings } from "./chat-things.js";
export {
  type CompletionApi,
  type CompletionEndpoint,
  cleanPath,
  completionEndpoint,
} from "./completion-api.js";
export {
  type ChoiceDelta,
  type CompletionEvent,
  type CompletionUsage,
  completionEvent,
} from "./completion-events.js";
export { type CompletionRequest, completionRequest, historyId } from "./completion-request.js";
export { engineFacts, fieldOf } from "./engine-facts.js";
export { asArray, asCount, asObject, asText, type JsonObject } from "./json-object.js";
export type { PromptSource } from "./prompt-source.js";
export { cacheMarks, type PromptPiece, type PromptThing, promptJson } from "./prompt-thing.js";
export { itemMessages } from "./responses-prompt.js";
export { type Headers, type SessionName, sessionName } from "./session-name.js";
export { isTokenId } from "./token-id.js";
