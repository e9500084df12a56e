import { type EngineSettings, engineSettingsOf } from "../settings/index.js";

/** Scheduler and cache settings, by vLLM's names: see `lib/settings`. */
export type EngineOptions = EngineSettings;

/**
 * Fills in the usual settings and checks every one.
 * @throws InputError for a name that is no setting, or a value that does not fit
 */
export function engineOptions(given: Partial<EngineOptions> = {}): EngineOptions {
  return engineSettingsOf(given);
}
