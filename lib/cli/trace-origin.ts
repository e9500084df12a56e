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
 * Reads the origin of a trace from `source`, and `enable_prefix_caching` or `prefix_caching`, of its meta line. A replay
 * of cold prompts had nothing to find: its cache counts as off.
 */
export function traceOrigin(meta: TraceMeta): TraceOrigin {
  const caching =
    meta.extra.prompts === "cold" ? false : (meta.extra.enable_prefix_caching ?? meta.extra.prefix_caching);
  return {
    kind: meta.source === undefined ? undefined : meta.source === "modeled" ? "modeled" : "captured",
    cache:
      caching === true || caching === "on"
        ? "on"
        : caching === false || caching === "off"
          ? "off"
          : undefined,
  };
}
