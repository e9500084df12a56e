import type { EngineSettings } from "../../../settings/index.js";
import type { JsonValue } from "../../../trace/index.js";

/** What an engine's pages tell. */
export interface ToldFacts {
  /** By the names of the settings' table; what is undefined is not told. */
  readonly settings: Partial<Record<keyof EngineSettings, unknown>>;
  /** What is no setting of the simulated engine, by the names that a trace's meta line has. */
  readonly facts: Readonly<Record<string, JsonValue | undefined>>;
}
