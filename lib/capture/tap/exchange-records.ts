import { type Ms, wholeMicros } from "../../base/index.js";
import { Fingerprinter, type FingerprintOptions, internHashes } from "../../trace/files/index.js";
import type { BlockTable, JsonValue, TraceRecord } from "../../trace/index.js";
import type { CompletionRequest } from "../wire/index.js";
import type { ChoiceLog } from "./choice-log.js";
import type { ThingSizes } from "./place-things.js";
import type { PromptTokens, TokenSource } from "./prompt-tokens.js";
import type { RecordOrigin } from "./record-origin.js";
import { recordedPrompt } from "./recorded-prompt.js";
import type { ResponseLog } from "./response-log.js";

/** How an exchange ended, as the tap saw it. */
export type Outcome =
  /** The upstream's answer was passed on whole. */
  | "complete"
  /** The client went away first, or was cut off when the tap was stopped. */
  | "abort"
  /** The upstream could not be reached, or broke off. */
  | "disconnect";

/** One exchange, once it has ended. */
export interface EndedExchange {
  readonly request: CompletionRequest;
  /** As many as the request has prompts. */
  readonly promptTokens: readonly PromptTokens[];
  readonly origin: RecordOrigin;
  /** Undefined when the upstream sent no head. */
  readonly response: ResponseLog | undefined;
  readonly outcome: Outcome;
  /** Since the start of the capture. */
  readonly arrivalMs: Ms;
  readonly endedMs: Ms;
  /** Requests in flight when this one arrived, itself included. */
  readonly concurrency: number;
}

/** How the tap turns token ids into what it writes. */
export interface RecordStyle {
  readonly fingerprint: FingerprintOptions;
  /** Takes up the fingerprints. */
  readonly blocks: BlockTable;
  readonly recordTokens: boolean;
  readonly thingSizes: ThingSizes;
}

/**
 * The trace records of an exchange: one a choice, so one for nearly every request. Arrival is when the request was
 * whole at the tap; TTFT is from there to the first bytes with a token in them. An answer that was not streamed has
 * its length and its end, and no TTFT: nobody saw the first token.
 */
export function exchangeRecords(exchange: EndedExchange, style: RecordStyle): TraceRecord[] {
  const { request, response } = exchange;
  const choices: (ChoiceLog | undefined)[] = [];
  for (let i = 0; i < request.prompts.length * request.n; i++) choices.push(response?.choices.get(i));
  const isSingle = choices.length === 1;
  return choices.map((choice, index) => {
    const sent = exchange.promptTokens[Math.floor(index / request.n)];
    const returned = isSingle ? response?.promptTokenIds : undefined;
    const tokens: PromptTokens =
      returned && isTokens(sent.source) && sent.things.length === 0
        ? { ...sent, source: "response", ids: Uint32Array.from(returned), things: [] }
        : sent;
    const part = isSingle ? "" : `.${index}`;
    return choiceRecord({ exchange, style, choice, tokens, isSingle, part });
  });
}

function choiceRecord(options: {
  readonly exchange: EndedExchange;
  readonly style: RecordStyle;
  readonly choice: ChoiceLog | undefined;
  readonly tokens: PromptTokens;
  readonly isSingle: boolean;
  /** Behind the request's id, where it has several records. */
  readonly part: string;
}): TraceRecord {
  const { exchange, style, choice, tokens, isSingle } = options;
  const { extra: facts, apart, requestId, ...origin } = exchange.origin;
  const { response, arrivalMs } = exchange;
  // Usage counts all choices of a request together.
  const usage = isSingle ? response?.usage : undefined;
  const prompt = recordedPrompt(tokens, usage?.promptTokens, style.thingSizes);
  const outputIds = choice?.tokenIds && choice.tokenIds.length > 0 ? choice.tokenIds : undefined;
  const chain = prompt.ids && blockChain(prompt.ids, outputIds ?? [], style, apart);
  const reported = prompt.promptTokens !== usage?.promptTokens;
  return {
    promptTokens: prompt.promptTokens,
    ...(usage?.cachedTokens !== undefined && !reported && { cachedTokens: usage.cachedTokens }),
    outputTokens: usage?.completionTokens ?? outputIds?.length ?? choice?.outputTokens ?? 0,
    arrivalMs: wholeMicros(arrivalMs),
    ...choiceTimes(choice, arrivalMs),
    concurrency: exchange.concurrency,
    ...(chain && { blockIds: chain.promptBlocks }),
    ...(chain && outputIds && { outputBlockIds: chain.outputBlocks }),
    ...(style.recordTokens && outputIds && { outputTokenIds: Int32Array.from(outputIds) }),
    finishReason: finishReason(exchange, choice),
    elapsedMs: wholeMicros(exchange.endedMs - arrivalMs),
    requestId: `${requestId}${options.part}`,
    ...origin,
    ...prompt.messages,
    extra: {
      token_source: tokens.source,
      ...prompt.extra,
      ...facts,
      ...(reported && usage?.promptTokens !== undefined && { server_prompt_tokens: usage.promptTokens }),
      ...(reported && usage?.cachedTokens !== undefined && { server_cached_tokens: usage.cachedTokens }),
      ...responseFields(response),
      ...(style.recordTokens && tokens.ids && { prompt_token_ids: Array.from(tokens.ids) }),
    },
  };
}

function blockChain(
  promptIds: Uint32Array,
  outputIds: readonly number[],
  style: RecordStyle,
  apart: string | undefined,
) {
  const fingerprinter = new Fingerprinter({ ...style.fingerprint, ...(apart !== undefined && { apart }) });
  return {
    promptBlocks: internHashes(fingerprinter.append(promptIds), style.blocks),
    outputBlocks: internHashes(fingerprinter.append(outputIds), style.blocks),
  };
}

/** Real tokens: those that the server returns can stand for them. Byte tokens among real ones would make equal prompts differ. */
function isTokens(source: TokenSource): boolean {
  return source !== "bytes" && source !== "bytes/4";
}

function choiceTimes(choice: ChoiceLog | undefined, arrivalMs: Ms) {
  if (!choice || choice.chunkAtMs.length === 0) return {};
  const { chunkAtMs, chunkTokens } = choice;
  const itlMs = new Float64Array(chunkAtMs.length - 1);
  for (let i = 0; i < itlMs.length; i++) itlMs[i] = wholeMicros(chunkAtMs[i + 1] - chunkAtMs[i]);
  const itlTokens = Int32Array.from(chunkTokens.slice(1));
  return {
    ttftMs: wholeMicros(chunkAtMs[0] - arrivalMs),
    itlMs,
    ...(itlTokens.some((count) => count !== 1) && { itlTokens }),
  };
}

function finishReason(exchange: EndedExchange, choice: ChoiceLog | undefined): string {
  const { response, outcome } = exchange;
  if (response && response.head.status >= 400) return "error";
  if (choice?.finishReason !== undefined && (outcome === "complete" || response?.isDone))
    return choice.finishReason;
  if (outcome !== "complete") return outcome;
  return response?.isDone ? "stop" : "truncated";
}

function responseFields(response: ResponseLog | undefined): Record<string, JsonValue> {
  if (!response) return {};
  const { status, contentEncoding } = response.head;
  return {
    ...(status >= 400 && { http_status: status }),
    ...(status < 400 && !response.isStream && { stream: false }),
    ...(response.isUnreadable && { content_encoding: contentEncoding ?? "" }),
  };
}
