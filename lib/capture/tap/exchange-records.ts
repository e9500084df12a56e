import { type Ms, wholeMicros } from "../../base/index.js";
import { Fingerprinter, type FingerprintOptions, internHashes } from "../../trace/files/index.js";
import { type BlockTable, defaultBlockSize, type JsonValue, type TraceRecord } from "../../trace/index.js";
import {
  answerEnding,
  type ChoiceLog,
  type CompletionRequest,
  chunkTimes,
  weighCounts,
} from "../wire/index.js";
import type { ThingSizes } from "./place-things.js";
import { promptMessages } from "./prompt-messages.js";
import type { PromptTokens } from "./prompt-tokens.js";
import type { RecordOrigin } from "./record-origin.js";
import { isBytes, promptEvidence, returnedTokens, whyNoHashes } from "./recorded-prompt.js";
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
  for (let i = 0; i < request.prompts.length * request.n; i++) choices.push(response?.answer.choices.get(i));
  const isSingle = choices.length === 1;
  return choices.map((choice, index) => {
    const sent = exchange.promptTokens[Math.floor(index / request.n)];
    const tokens = isSingle ? returnedTokens(sent, response?.answer.promptTokenIds) : sent;
    return choiceRecord({ exchange, style, choice, tokens, isSingle, part: isSingle ? "" : `.${index}` });
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
  const { exchange, style, choice, tokens, isSingle, part } = options;
  const { response, arrivalMs, endedMs, request } = exchange;
  const { requestId, apart, extra: facts, ...origin } = exchange.origin;
  // Usage counts all choices of a request together.
  const usage = isSingle ? response?.answer.usage : undefined;
  const whole = style.thingSizes.place(tokens, usage?.promptTokens);
  const { promptTokens, hashedTokens, cachedTokens, outputTokens, extra } = weighCounts({
    usage,
    prompt: promptEvidence(tokens, whole),
    answer: {
      choice,
      elapsedMs: endedMs - arrivalMs,
      ...(request.maxOutputTokens !== undefined && { mostTokens: request.maxOutputTokens }),
    },
    blockTokens: style.fingerprint.blockSize ?? defaultBlockSize,
  });
  const outputIds = choice?.tokenIds && choice.tokenIds.length > 0 ? choice.tokenIds : undefined;
  const hashedIds = hashedTokens > 0 ? whole.ids?.subarray(0, hashedTokens) : undefined;
  const chain = hashedIds && blockChain(hashedIds, outputIds ?? [], style, apart);
  return {
    promptTokens,
    ...(cachedTokens !== undefined && { cachedTokens }),
    outputTokens,
    arrivalMs: wholeMicros(arrivalMs),
    ...(choice && chunkTimes(choice.chunkAtMs, choice.chunkTokens, outputTokens, arrivalMs)),
    concurrency: exchange.concurrency,
    ...(chain && { blockIds: chain.promptBlocks }),
    // Ids of an answer behind a prompt's bytes are the blocks of no later prompt.
    ...(chain && outputIds && !isBytes(tokens.source) && { outputBlockIds: chain.outputBlocks }),
    ...(style.recordTokens && outputIds && { outputTokenIds: Int32Array.from(outputIds) }),
    finishReason: answerEnding(
      response?.answer,
      choice?.finishReason,
      exchange.outcome,
      response?.head.status,
    ),
    elapsedMs: wholeMicros(endedMs - arrivalMs),
    requestId: `${requestId}${part}`,
    ...origin,
    ...promptMessages(tokens, promptTokens, style.thingSizes),
    extra: {
      token_source: tokens.source,
      ...(!chain && { no_hashes: whyNoHashes(whole) }),
      ...extra,
      ...facts,
      ...responseFields(response),
      ...(style.recordTokens && whole.ids && { prompt_token_ids: Array.from(whole.ids) }),
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

function responseFields(response: ResponseLog | undefined): Record<string, JsonValue> {
  if (!response) return {};
  const { status, contentEncoding } = response.head;
  const { answer, isUnreadable } = response;
  return {
    ...(status >= 300 && { http_status: status }),
    ...(status < 300 && !answer.isStreamed && { stream: false }),
    ...(isUnreadable && { content_encoding: contentEncoding ?? "" }),
    ...(answer.unknownEvents > 0 && { unknown_events: answer.unknownEvents }),
  };
}
