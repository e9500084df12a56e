import { evictionPolicy } from "../cache/index.js";
import { type EngineSettings, engineSettingsOf } from "../settings/index.js";
import { orderingPolicy } from "./orderings/index.js";

/** Scheduler and cache settings, by vLLM's names: see `lib/settings`. */
export type EngineOptions = EngineSettings;

/**
 * Fills in the usual settings and checks every one.
 * @throws InputError for a name that is no setting, a value that does not fit, or a policy that there is not
 */
export function engineOptions(given: Partial<EngineOptions> = {}): EngineOptions {
  const options = engineSettingsOf(given);
  evictionPolicy(options.eviction);
  orderingPolicy(options.schedulingPolicy);
  return options;
}
