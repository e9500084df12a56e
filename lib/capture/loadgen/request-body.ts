import type { Tokens } from "../../base/index.js";
import type { Prompt } from "./prompt.js";

/** Sampling, and the fields that not every server knows. */
export interface SamplingOptions {
  readonly temperature: number;
  /** Ask the server to run to the full output length: `ignore_eos`, known to vLLM, SGLang and llama.cpp. */
  readonly ignoreEos: boolean;
  /** Ask for the token ids of prompt and answer: `return_token_ids`, known to vLLM. */
  readonly returnTokenIds: boolean;
}

/** The endpoint that takes a prompt of this kind. */
export function requestPath(prompt: Prompt): string {
  return prompt.kind === "messages" ? "/v1/chat/completions" : "/v1/completions";
}

/** The JSON body of one streaming request. */
export function requestBody(
  model: string,
  prompt: Prompt,
  outputTokens: Tokens,
  sampling: SamplingOptions,
): string {
  const rest = JSON.stringify({
    max_tokens: outputTokens,
    temperature: sampling.temperature,
    stream: true,
    stream_options: { include_usage: true },
    ...(sampling.ignoreEos && { ignore_eos: true }),
    ...(sampling.returnTokenIds && { return_token_ids: true }),
  }).slice(1);
  return `{"model":${JSON.stringify(model)},${promptField(prompt)},${rest}`;
}

function promptField(prompt: Prompt): string {
  switch (prompt.kind) {
    case "ids":
      return `"prompt":[${prompt.json}]`;
    case "text":
      return `"prompt":${JSON.stringify(prompt.text)}`;
    case "messages":
      return `"messages":${JSON.stringify(prompt.messages)}`;
  }
}
