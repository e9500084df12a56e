import type { StepTimer } from "../latency/index.js";
import { EngineCore } from "./engine-core.js";
import type { EngineOptions } from "./engine-options.js";
import { SlotEngine } from "./slot-engine.js";

/**
 * The engine whose prefix reuse the options ask for: vLLM's block pool, or llama.cpp's slots.
 * @param contentCount how many content ids there will be, if known
 * @throws InputError see {@link engineOptions}
 */
export function createEngine(
  options: Partial<EngineOptions>,
  timer: StepTimer,
  contentCount?: number,
): EngineCore {
  return options.prefixReuse === "slots"
    ? new SlotEngine(options, timer, contentCount)
    : new EngineCore(options, timer, contentCount);
}
