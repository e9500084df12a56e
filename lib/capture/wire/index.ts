/**
 * The OpenAI wire, read from either side: completion events, prompts as text and as byte tokens. Shared by the tap
 * (which reads what others say) and the served engine (which says it); and what the other end tells of itself.
 */
export { bytesText, byteTokens } from "./byte-tokens.js";
export { type ChatMessage, chatText } from "./chat-text.js";
export {
  type ChoiceDelta,
  type CompletionEvent,
  type CompletionUsage,
  completionEvent,
} from "./completion-events.js";
export { engineFacts, fieldOf } from "./engine-facts.js";
export { isTokenId } from "./token-id.js";
