import type { Ms, Tokens } from "../../base/index.js";
import { bytesText } from "../wire/index.js";
import { ApiError } from "./api-error.js";
import type { CompletionParams } from "./completion-params.js";
import type { ContentIds } from "./content-ids.js";
import { generatedTokens } from "./generated-tokens.js";
import { type ServedFleet, sessionNumber } from "./served-fleet.js";

/** What stands behind every request. */
export interface ServedEngine {
  readonly fleet: ServedFleet;
  readonly contents: ContentIds;
  readonly seed: number;
  /** Requests that may wait to be admitted. */
  readonly maxQueue: number;
  /** Longest prompt and answer together. */
  readonly maxModelTokens: Tokens;
}

/** A request that the engine works on. */
export interface Generation {
  /** All of the answer's tokens; those after `emitted` are not out yet. */
  readonly tokenIds: Int32Array;
  /** Text of the answer; a stop string and what follows is not in it. */
  readonly text: string;
  readonly finishReason: "stop" | "length";
  readonly cachedTokens: Tokens;
  /** The client went away: frees what the request holds. Nothing happens when it is over already. */
  abort(): void;
}

/**
 * Hands a request to the engine.
 * @param session what the client calls the session that it belongs to, where it says so
 * @param onToken called with the number of tokens that are out, each time there is one more
 * @throws ApiError 400 when prompt and answer are longer than the model allows, 503 when the queue is full
 */
export function generate(
  served: ServedEngine,
  params: CompletionParams,
  session: string | undefined,
  onToken: (emitted: Tokens) => void,
): Generation {
  const { fleet, contents } = served;
  const { promptIds, maxTokens } = params;
  if (promptIds.length + maxTokens > served.maxModelTokens)
    throw new ApiError(
      400,
      `the model's context is ${served.maxModelTokens} tokens, the prompt has ${promptIds.length} and the answer may have ${maxTokens}: shorten one of them`,
    );
  const { tokenIds, text, finishReason } = answerTo(params, served.seed);
  const all = new Int32Array(promptIds.length + tokenIds.length);
  all.set(promptIds);
  all.set(tokenIds, promptIds.length);
  const held = contents.hold(all);
  const sent = fleet.send({
    promptTokens: promptIds.length,
    outputTokens: tokenIds.length,
    contentIds: held.ids,
    ...(session !== undefined && { session: sessionNumber(session) }),
  });
  const { engine, metrics } = sent;
  if (engine.waiting >= served.maxQueue) {
    held.release();
    sent.ended();
    metrics.rejected();
    throw new ApiError(503, `the queue is full: ${engine.waiting} requests wait already, try again later`);
  }
  const arrivedMs = engine.nowMs();
  let admittedMs: Ms | undefined;
  let firstTokenMs: Ms | undefined;
  let lastTokenMs: Ms | undefined;
  let cachedTokens: Tokens = 0;
  let emitted: Tokens = 0;
  let isOver = false;

  function finish(reason: "stop" | "length" | "abort"): void {
    if (isOver) return;
    isOver = true;
    held.release();
    sent.ended();
    metrics.finished(reason, { arrivedMs, admittedMs, firstTokenMs, lastTokenMs }, promptIds.length, emitted);
  }

  const abortInEngine = engine.submit({
    promptTokens: promptIds.length,
    outputTokens: tokenIds.length,
    contentIds: held.ids,
    arrivedMs,
    events: {
      admitted(atMs, cached) {
        if (admittedMs !== undefined) return;
        admittedMs = atMs;
        cachedTokens = cached;
        metrics.admitted(arrivedMs, atMs);
      },
      token(atMs) {
        emitted++;
        if (lastTokenMs === undefined) {
          firstTokenMs = atMs;
          sent.firstToken();
          metrics.firstToken(arrivedMs, atMs, promptIds.length, cachedTokens);
        } else metrics.laterToken(atMs - lastTokenMs);
        lastTokenMs = atMs;
        if (emitted === tokenIds.length) finish(finishReason);
        onToken(emitted);
      },
    },
  });

  return {
    tokenIds,
    text,
    finishReason,
    get cachedTokens() {
      return cachedTokens;
    },
    abort() {
      if (isOver) return;
      abortInEngine();
      finish("abort");
    },
  };
}

function answerTo(
  params: CompletionParams,
  seed: number,
): Pick<Generation, "tokenIds" | "text" | "finishReason"> {
  const tokenIds = generatedTokens(params.promptIds, params.maxTokens, seed);
  const text = bytesText(tokenIds);
  let end = text.length;
  let length = tokenIds.length;
  for (const stop of params.stop) {
    const at = text.indexOf(stop);
    if (at < 0 || at >= end) continue;
    end = at;
    length = at + stop.length;
  }
  const isStopped = end < text.length;
  return {
    tokenIds: tokenIds.subarray(0, length),
    text: text.slice(0, end),
    finishReason: isStopped ? "stop" : "length",
  };
}
