import type { EngineSettings } from "../settings/index.js";
import type { TraceMeta } from "../trace/index.js";

/**
 * The captured engine's settings, as far as the trace tells them. A trace's block size is that of its hashes, and says
 * nothing of the engine's blocks; where an engine finds prefixes in slots, to the token, it is the grain of what is known.
 */
export function capturedEngine(meta: TraceMeta): Partial<EngineSettings> {
  const { engine = {}, blockSize } = meta;
  if (engine.prefixReuse !== "slots" || engine.blockSize !== undefined || blockSize === undefined)
    return engine;
  return { ...engine, blockSize };
}
