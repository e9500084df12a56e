import type { CacheState, SeriesKind } from "../figure/index.js";
import type { TraceMeta } from "../trace/index.js";

/** What a trace's meta line says of where its times come from. */
export interface TraceOrigin {
  /** Modeled: a replay wrote it. Captured: anything else that names its source. Undefined: no source is named. */
  readonly kind: SeriesKind | undefined;
  /** Whether the engine's prefix cache was on; undefined where the meta line does not tell. */
  readonly cache: CacheState | undefined;
}

/**
 * Reads the origin of a trace from the source and the engine's settings in its meta line. A replay of unique prompts had
 * nothing to find: its cache counts as off.
 */
export function traceOrigin(meta: TraceMeta): TraceOrigin {
  const caching = meta.extra.prompts === "cold" ? false : meta.engine?.enablePrefixCaching;
  return {
    kind: meta.source === undefined ? undefined : meta.source === "modeled" ? "modeled" : "captured",
    cache: caching === undefined ? undefined : caching ? "on" : "off",
  };
}
