import type { Ms, Tokens } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { JsonValue, ParentEdge } from "../../trace.js";
import type { ImportOptions } from "./importer.js";
import type { PromptPart, UsageCounts } from "./text-prompt.js";
import { BytesPerToken, promptBytes, TextTokens } from "./text-tokens.js";
import type { TraceBuilder } from "./trace-builder.js";

/** One call of a model as a gateway or tracing tool logs it: texts, counts, times. */
export interface LoggedCall {
  readonly line: number;
  /** Undefined where the log keeps no text. */
  readonly prompt: readonly PromptPart[] | ArrayLike<number> | undefined;
  readonly answer: string | undefined;
  readonly usage: UsageCounts;
  /** The most that the request allowed. */
  readonly limit?: Tokens;
  readonly startMs: Ms | undefined;
  readonly ttftMs: Ms | undefined;
  readonly elapsedMs: Ms | undefined;
  readonly finishReason: string | undefined;
  readonly requestId: string | undefined;
  readonly session: string | undefined;
  readonly turn?: number;
  readonly parents?: readonly ParentEdge[];
  readonly extra?: Readonly<Record<string, JsonValue>>;
}

/**
 * Hands logged calls to a builder. A prompt's length is what the server counted, or else that of its text; its hashes are
 * those of the text, see `text-tokens.ts`. A session that only one call has is none.
 * @returns how texts were counted, for the meta line
 */
export function addLoggedCalls(
  builder: TraceBuilder,
  calls: readonly LoggedCall[],
  options: ImportOptions,
  blockSize: Tokens,
): string | undefined {
  const mean = new BytesPerToken();
  const sizes = new Map<string, number>();
  for (const { prompt, usage, session } of calls) {
    if (prompt) mean.add(promptBytes(prompt), usage.promptTokens);
    if (session !== undefined) sizes.set(session, (sizes.get(session) ?? 0) + 1);
  }
  const texts = new TextTokens(builder, options, blockSize, mean.value());
  const hasText = calls.some(({ prompt }) => prompt !== undefined && prompt.length > 0);
  for (const call of calls)
    builder.row(call.line, () => {
      const { usage, session } = call;
      const { answerTokens, ...text } = textOf(texts, call);
      const outputTokens =
        (options.tokenize
          ? (answerTokens ?? usage.outputTokens)
          : usage.outputTokens || answerTokens || usage.outputTokens) ??
        (call.finishReason === "error" ? 0 : call.limit);
      if (outputTokens === undefined)
        throw new RowError("the answer's length is unknown: no answer, no usage, no limit");
      const isShared = session !== undefined && (sizes.get(session) ?? 0) > 1;
      return {
        ...text,
        cachedTokens: usage.cachedTokens,
        outputTokens,
        arrivalMs: call.startMs,
        ttftMs: call.ttftMs,
        elapsedMs: call.elapsedMs,
        finishReason: call.finishReason,
        requestId: call.requestId,
        session: isShared ? session : undefined,
        turn: isShared ? call.turn : undefined,
        parents: isShared ? call.parents : undefined,
        extra: extraOf(call, options),
      };
    });
  if (hasText && texts.said !== undefined) builder.assume(texts.said);
  return hasText ? texts.tokenizer : undefined;
}

function textOf(texts: TextTokens, { prompt, answer, usage }: LoggedCall) {
  if (prompt && prompt.length > 0)
    return texts.of(prompt, answer, {
      promptTokens: usage.promptTokens || undefined,
      outputTokens: usage.outputTokens,
    });
  if (usage.promptTokens === undefined)
    throw new RowError("neither a prompt nor a count of its tokens is there");
  return { promptTokens: usage.promptTokens, answerTokens: undefined };
}

function extraOf({ usage, extra }: LoggedCall, options: ImportOptions) {
  const all: Record<string, JsonValue> = {
    ...extra,
    ...(options.tokenize && usage.promptTokens !== undefined && { usage_prompt_tokens: usage.promptTokens }),
    ...(options.tokenize &&
      usage.outputTokens !== undefined && { usage_completion_tokens: usage.outputTokens }),
    ...(usage.reasoningTokens !== undefined && { reasoning_tokens: usage.reasoningTokens }),
  };
  return Object.keys(all).length > 0 ? all : undefined;
}
