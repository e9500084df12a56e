/**
 * Finish reasons that whole answers are known to have: OpenAI's, and those of Anthropic, Gemini, text-generation-inference,
 * Ollama, Mistral and Cohere, without regard to case.
 */
const wholeAnswers = new Set([
  "stop",
  "length",
  "tool_calls",
  "function_call",
  "content_filter",
  "eos",
  "eos_token",
  "stop_sequence",
  "end_turn",
  "max_tokens",
  "max_output_tokens",
  "model_length",
  "model_context_window_exceeded",
  "tool_use",
  "pause_turn",
  "refusal",
  "complete",
  "completed",
  "safety",
  "recitation",
  "malformed_function_call",
]);

/**
 * Words for an answer that did not come to its end: those that captures here write ("abort", "disconnect", "error",
 * "timeout", "truncated", "unfinished", "refused", "never sent"), and any that says error, failure, or that somebody gave
 * up. Servers name ends as they like, so what is not on this list is an end.
 */
const failure =
  /error|fail|abort|cancel|time[ _-]?out|disconnect|interrupt|exception|overload|unavailable|^(truncated|unfinished|refused|never sent|rejected|incomplete|killed)$/i;

/** The reason that was looked at last: rows in a line mostly have one. */
let lastReason = "";
let lastFailed = false;

/** True for a reason that says that the answer did not come to its end. */
export function isFailure(finishReason: string): boolean {
  if (finishReason !== lastReason) {
    lastReason = finishReason;
    lastFailed = failure.test(finishReason);
  }
  return lastFailed;
}

/** True for a reason that is on neither list: it is taken for an end, and told. */
export function isUnknownEnding(finishReason: string): boolean {
  return !isFailure(finishReason) && !wholeAnswers.has(finishReason.toLowerCase());
}
