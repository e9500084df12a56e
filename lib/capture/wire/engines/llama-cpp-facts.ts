import type { EnginePages } from "../engine-pages.js";
import { countOf, fieldOf, textOf } from "../field-of.js";
import type { ToldFacts } from "./told-facts.js";

/**
 * llama.cpp: `/props` and `/slots`. Its slots are the requests that run at once and the prefixes that it remembers, each
 * with a context of its own.
 */
export function llamaCppFacts({ props, slots }: EnginePages): ToldFacts {
  const context =
    countOf(fieldOf(props, "default_generation_settings"), "n_ctx") ??
    (Array.isArray(slots) ? countOf(slots[0], "n_ctx") : undefined);
  return {
    settings: { maxNumSeqs: countOf(props, "total_slots"), prefixReuse: "slots" },
    facts: {
      engine: "llama.cpp",
      engine_version: textOf(props, "build_info"),
      max_model_len: context,
    },
  };
}
