import { type Ms, wholeMicros } from "../../base/index.js";
import { type JsonValue, metaFromJson, type TraceMeta } from "../../trace/index.js";
import type { PromptStyle } from "./conversation.js";
import type { LoadgenOptions } from "./loadgen-options.js";
import type { PromptTokenizer } from "./prompt-tokenizer.js";
import { type SendLag, sendLagJson } from "./send-lag.js";
import type { ServerFacts } from "./server-facts.js";

/** Whether arrivals were independent of the server, and whether that can be claimed. */
export type LoopKind = "open" | "closed" | "lagged";

/**
 * The meta line of a load generator's trace: what was asked of which server, and where token counts and ids come
 * from. The API key is not part of it.
 */
export function loadgenMeta(
  options: LoadgenOptions,
  server: ServerFacts,
  style: PromptStyle,
  tokenizer: PromptTokenizer | undefined,
  startedAt: Date,
): TraceMeta {
  const {
    apiKey: _secret,
    url: _address,
    tokenizerFile: _path,
    conversationsFile: _file,
    model,
    blockSize,
    meta: given,
    ...load
  } = options;
  return metaFromJson({
    model,
    source: "loadgen",
    block_size: blockSize,
    pattern: options.pattern,
    seed: options.seed,
    options: snakeCase(load),
    prompt_as: style.kind,
    token_source:
      tokenizer?.source ?? (server.returnsTokenIds ? "server: return_token_ids" : "server: usage"),
    ...server.engine,
    ...given,
    started_at: startedAt.toISOString(),
  });
}

/** Adds what is known only at the end: how requests went out and what is missing. */
export function finishedMeta(
  meta: TraceMeta,
  end: {
    readonly loop: LoopKind;
    readonly sendLag: SendLag | undefined;
    readonly notSent: number;
    /** Names of fields that the server refused. */
    readonly refusedFields: readonly string[];
    readonly pauses?: { readonly count: number; readonly ms: Ms };
  },
): TraceMeta {
  const { sendLag, refusedFields, pauses } = end;
  return {
    ...meta,
    extra: {
      ...meta.extra,
      loop: end.loop,
      ...(sendLag && { send_lag_ms: sendLagJson(sendLag) }),
      not_sent: end.notSent,
      ...(refusedFields.length > 0 && { refused_fields: refusedFields }),
      ...(pauses && { pauses: { count: pauses.count, ms: wholeMicros(pauses.ms) } }),
    },
  };
}

function snakeCase(options: object): JsonValue {
  return Object.fromEntries(
    Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value as JsonValue,
      ]),
  );
}
