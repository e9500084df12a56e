/**
 * The wire between clients and servers, read from either side. Requests: `completion-api.ts` tells by its path which API
 * one speaks, `completion-request.ts` reads its body (each API's by a file of its own), `chat-prompt.ts` says what a
 * chat's prompt is made of. Answers: `answer-log.ts` reads one as it comes, whichever API it speaks
 * (`read-answer-event.ts`); `weigh-counts.ts` and `answer-ending.ts` hold what the server says of it against what was
 * seen. Prompts as text and as byte tokens are here too, `engine-pages.ts` asks a server what it tells of itself,
 * `engine-facts.ts` reads its settings from that, `engine-counters.ts` its counters. Shared by the tap and the
 * load generator, which read what others say, and the served engine, which says it.
 */
export { answerEnding, type TransportEnd } from "./answer-ending.js";
export type { ServerUsage } from "./answer-event.js";
export { AnswerLog } from "./answer-log.js";
export { assumedSettings } from "./assumed-settings.js";
export { byteLength, bytesText, byteTokens } from "./byte-tokens.js";
export { chainApart, requestApart } from "./chain-apart.js";
export { type ChatPart, type ChatPrompt, chatParts } from "./chat-prompt.js";
export { ANSWER_BEGIN, type ChatMessage, chatText } from "./chat-text.js";
export { cutBeforeThing, thingsOf, withoutThings } from "./chat-things.js";
export type { ChoiceLog } from "./choice-log.js";
export { chunkTimes } from "./chunk-times.js";
export {
  type CompletionApi,
  type CompletionEndpoint,
  cleanPath,
  completionEndpoint,
} from "./completion-api.js";
export { type CompletionRequest, completionRequest, historyId } from "./completion-request.js";
export { engineCounters } from "./engine-counters.js";
export { engineFacts } from "./engine-facts.js";
export { type AskPage, askEngine, type EnginePages, modelEntries } from "./engine-pages.js";
export { countOf, fieldOf } from "./field-of.js";
export { asArray, asCount, asText } from "./json-object.js";
export { pageText } from "./page-text.js";
export { isMetricsText } from "./prometheus-text.js";
export type { PromptSource } from "./prompt-source.js";
export { cacheMarks, type PromptPiece, type PromptThing, promptJson } from "./prompt-thing.js";
export { itemMessages } from "./responses-prompt.js";
export { type Headers, type SessionName, sessionName } from "./session-name.js";
export { errorText } from "./stream-error.js";
export { isTokenId } from "./token-id.js";
export { type PromptEvidence, weighCounts, weighPrompt } from "./weigh-counts.js";
