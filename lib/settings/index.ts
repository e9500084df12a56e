/**
 * Engine settings: one row each, with the names under which it stands in code, in a meta line, on the command line and in
 * a sweep, its meaning, its default and its check.
 *
 * Read `engine-settings.ts` first (the table), then `wire-settings.ts` (meta lines) and `choose-settings.ts` (what the
 * trace tells, what the caller gives, what is assumed). A setting is added as one row.
 */
export {
  type ChosenSettings,
  chooseSettings,
  type SettingOrigin,
  type SettingSources,
} from "./choose-settings.js";
export {
  type EngineSettingName,
  type EngineSettings,
  engineSettingNames,
  engineSettings,
  engineSettingsOf,
  settingRow,
  someEngineSettings,
  usualEngineSettings,
} from "./engine-settings.js";
export type { NamedPolicy, Parse, Setting } from "./setting.js";
export { settingsFromWire, settingsToWire, settingWireNames } from "./wire-settings.js";
