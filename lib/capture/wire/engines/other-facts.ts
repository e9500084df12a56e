import type { EnginePages } from "../engine-pages.js";
import { countOf, fieldOf, textOf } from "../field-of.js";
import type { ToldFacts } from "./told-facts.js";

/**
 * text-generation-inference by its `/info`. The tokens of a prefill are its budget of a step; the requests are those that
 * it takes in, running or waiting, and no bound of those that run.
 */
export function tgiFacts({ info }: EnginePages): ToldFacts {
  return {
    settings: { maxNumBatchedTokens: countOf(info, "max_batch_prefill_tokens") },
    facts: {
      engine: "text-generation-inference",
      engine_version: textOf(info, "version"),
      max_model_len: countOf(info, "max_total_tokens"),
      max_concurrent_requests: countOf(info, "max_concurrent_requests"),
      max_batch_total_tokens: countOf(info, "max_batch_total_tokens"),
    },
  };
}

/** Ollama by its `/api/version` and the models that `/api/ps` says are loaded. */
export function ollamaFacts({ ollamaVersion, ollamaModels }: EnginePages): ToldFacts {
  const models = fieldOf(ollamaModels, "models");
  return {
    settings: {},
    facts: {
      engine: "ollama",
      engine_version: textOf(ollamaVersion, "version"),
      max_model_len: Array.isArray(models) ? countOf(models[0], "context_length") : undefined,
    },
  };
}

/** Triton by its `/v2`: the server's version, not that of the backend behind it. */
export function tritonFacts({ triton }: EnginePages): ToldFacts {
  return { settings: {}, facts: { engine: "triton", engine_version: textOf(triton, "version") } };
}
