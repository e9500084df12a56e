/**
 * The wire between clients and servers, read from either side. `answer-log.ts` reads an answer as it comes, whichever API
 * it speaks (`read-answer-event.ts`); `weigh-counts.ts` and `answer-ending.ts` hold what the server says of it against
 * what was seen. Prompts as text and as byte tokens are here too. `engine-pages.ts` asks a
 * server what it tells of itself; `engine-facts.ts` reads its settings from that, `engine-counters.ts` its counters. Shared by the
 * tap and the load generator, which read answers, and the served engine, which gives them.
 */
export { answerEnding, type TransportEnd } from "./answer-ending.js";
export type { ServerUsage } from "./answer-event.js";
export { AnswerLog } from "./answer-log.js";
export { assumedSettings } from "./assumed-settings.js";
export { bytesText, byteTokens } from "./byte-tokens.js";
export { type ChatMessage, chatText } from "./chat-text.js";
export type { ChoiceLog } from "./choice-log.js";
export { engineCounters } from "./engine-counters.js";
export { engineFacts } from "./engine-facts.js";
export { type AskPage, askEngine, type EnginePages, modelEntries } from "./engine-pages.js";
export { countOf, fieldOf } from "./field-of.js";
export { isMetricsText } from "./prometheus-text.js";
export { errorText } from "./stream-error.js";
export { isTokenId } from "./token-id.js";
export { type PromptEvidence, weighCounts, weighPrompt } from "./weigh-counts.js";
