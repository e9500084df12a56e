import type { Tokens } from "../../base/index.js";
import { RowError } from "../row-error.js";
import type { TraceRecord } from "../trace.js";

/** Tokens of the longest prompt that is believed, and of the longest answer: above what any model has taken and given. */
const longestPrompt = 1 << 24;
const longestOutput = 1 << 21;

/** Output tokens that a row may claim whatever its times are, and a chunk of output may hold. */
const plausibleTokens = 65_536;
/** Hundreds of times what the fastest hardware makes of one sequence. */
const mostTokensPerMs = 1000;

/** True for counts that {@link requirePossibleCounts} accepts whatever the row's times are. */
export function isPlausible(promptTokens: Tokens, outputTokens: Tokens): boolean {
  return promptTokens <= longestPrompt && outputTokens <= plausibleTokens;
}

/**
 * Work that goes with the tokens of a row must not go with a claim that the row itself refutes.
 * @throws RowError when its times leave no room for its output tokens, or no model takes or gives so many
 */
export function requirePossibleCounts(record: TraceRecord): void {
  const { promptTokens, outputTokens, ttftMs, elapsedMs } = record;
  if (promptTokens > longestPrompt)
    throw new RowError(`prompt_tokens is ${promptTokens}: no model reads more than ${longestPrompt}`);
  if (outputTokens <= plausibleTokens) return;
  const itlMs = record.itlMs?.length ? record.itlMs : undefined;
  let knownMs = itlMs ? (ttftMs ?? 0) : elapsedMs;
  for (const gapMs of itlMs ?? []) knownMs = (knownMs as number) + gapMs;
  const isTooFast = knownMs !== undefined && outputTokens > mostTokensPerMs * knownMs;
  if (
    knownMs !== undefined &&
    (isTooFast || (itlMs && outputTokens > plausibleTokens * (itlMs.length + 1)))
  ) {
    const told = itlMs
      ? `${itlMs.length} gaps belong to ${itlMs.length + 1} tokens`
      : "no engine makes so many";
    throw new RowError(
      `output_tokens is ${outputTokens}, but ${told} in ${Number(knownMs.toPrecision(3))} ms`,
    );
  }
  if (outputTokens > longestOutput)
    throw new RowError(`output_tokens is ${outputTokens}: no model writes more than ${longestOutput}`);
}
