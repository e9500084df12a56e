import type { JsonValue, TraceMeta } from "./trace.js";

/**
 * What the import of a trace assumed where its source is silent, in words for the user: kept in the meta line, so that every
 * number that rests on it can be printed beside it.
 * @example
 * ```ts
 * import { importAssumptions } from "prefixlab/trace";
 * importAssumptions({ extra: { assumptions: ["ids are those of one model"] } }); // → ["ids are those of one model"]
 * ```
 */
export function importAssumptions({ extra }: Pick<TraceMeta, "extra">): string[] {
  const told: JsonValue | undefined = extra.assumptions;
  return Array.isArray(told) ? told.filter((words) => typeof words === "string") : [];
}
