import type { JsonValue } from "../../trace/index.js";

/**
 * Name, version and settings of an engine as far as its own pages tell them, by the names that a trace's meta line has:
 * vLLM by `/version`, llama.cpp by `/props`, whose slots are the requests that run at once and the prefixes it remembers.
 * @param version the answer of `GET /version`, undefined where there was none
 * @param props the answer of `GET /props`, likewise
 */
export function engineFacts(version: unknown, props: unknown): Record<string, JsonValue> {
  const name = fieldOf(version, "version");
  const slots = fieldOf(props, "total_slots");
  const build = fieldOf(props, "build_info");
  if (typeof slots === "number" && Number.isSafeInteger(slots) && slots > 0)
    return {
      engine: "llama.cpp",
      ...(typeof build === "string" && { engine_version: build }),
      max_num_seqs: slots,
      prefix_reuse: "slots",
    };
  return typeof name === "string" ? { engine: "vllm", engine_version: name } : {};
}

/** A field of what may be an object; undefined where it is none. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
