import { settingsToWire, someEngineSettings } from "../../settings/index.js";
import type { JsonValue } from "../../trace/index.js";
import { type EnginePages, modelEntries, modelOwner } from "./engine-pages.js";
import { llamaCppFacts } from "./engines/llama-cpp-facts.js";
import { ollamaFacts, tgiFacts, tritonFacts } from "./engines/other-facts.js";
import { sglangFacts } from "./engines/sglang-facts.js";
import type { ToldFacts } from "./engines/told-facts.js";
import { vllmFacts } from "./engines/vllm-facts.js";
import { countOf, fieldOf, textOf } from "./field-of.js";

/**
 * Name, version and settings of an engine as far as its own pages tell them, by the names that a trace's meta line has:
 * what is in `lib/settings` by its wire names, and beside it `engine`, `engine_version`, `max_model_len`,
 * `kv_cache_dtype` and what else the engine says of itself. What it does not tell is left out.
 * @param pages what {@link askEngine} got
 */
export function engineFacts(pages: EnginePages): Record<string, JsonValue> {
  const { settings, facts } = toldFacts(pages);
  const context = countOf(modelEntries(pages.models)[0], "max_model_len");
  const said: Record<string, JsonValue | undefined> = {
    ...facts,
    max_model_len: facts.max_model_len ?? context,
  };
  return {
    ...(Object.fromEntries(Object.entries(said).filter(([, fact]) => fact !== undefined)) as Record<
      string,
      JsonValue
    >),
    ...settingsToWire(someEngineSettings(settings, "engineFacts")),
  };
}

function toldFacts(pages: EnginePages): ToldFacts {
  const owner = modelOwner(pages.models);
  const has = (prefix: string) => new RegExp(`^${prefix}:`, "m").test(pages.metrics ?? "");
  if (countOf(pages.props, "total_slots") !== undefined) return llamaCppFacts(pages);
  if (owner === "sglang" || has("sglang") || fieldOf(pages.serverInfo, "disable_radix_cache") !== undefined)
    return sglangFacts(pages);
  if (owner === "vllm" || has("vllm") || fieldOf(pages.serverInfo, "vllm_config") !== undefined)
    return vllmFacts(pages);
  if (textOf(pages.info, "model_id") !== undefined && textOf(pages.info, "version") !== undefined)
    return tgiFacts(pages);
  if (textOf(pages.ollamaVersion, "version") !== undefined) return ollamaFacts(pages);
  if (textOf(pages.triton, "name") === "triton") return tritonFacts(pages);
  if (textOf(pages.version, "version") === undefined) return { settings: {}, facts: {} };
  // TensorRT-LLM and LMDeploy answer `/version` too, and say who they are in `/v1/models`.
  const known = owner === undefined || owner === "vllm" ? "vllm" : owner.replace("_", "-");
  if (known === "vllm") return vllmFacts(pages);
  return { settings: {}, facts: { engine: known, engine_version: textOf(pages.version, "version") } };
}
