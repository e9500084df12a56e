import {
  type EngineSettingName,
  type EngineSettings,
  engineSettingNames,
  settingRow,
} from "./engine-settings.js";

/** Keys of a meta line that tell a setting, the preferred one first. */
export function settingWireNames(name: EngineSettingName): readonly string[] {
  const { wire, alsoRead = [] } = settingRow(name);
  return [wire, ...alsoRead];
}

/**
 * The settings that a meta line tells, from its wire names; what it does not tell is left out. A pool of no blocks, as
 * engines report it before they know, tells nothing.
 * @throws InputError naming the key whose value does not fit
 */
export function settingsFromWire(meta: Readonly<Record<string, unknown>>): Partial<EngineSettings> {
  const told = engineSettingNames.flatMap((name) => {
    const { parse, wireOffset } = settingRow(name);
    const key = settingWireNames(name).find((k) => meta[k] !== undefined && meta[k] !== null);
    if (key === undefined) return [];
    const value = meta[key];
    if (wireOffset === undefined) return [[name, parse(`meta.${key}`, value)]];
    const blocks = typeof value === "number" ? value - wireOffset : value;
    return typeof blocks === "number" && blocks < 1 ? [] : [[name, parse(`meta.${key}`, blocks)]];
  });
  return Object.fromEntries(told) as Partial<EngineSettings>;
}

/** Settings under their wire names, as {@link settingsFromWire} reads them back; a policy by its name. */
export function settingsToWire(settings: Partial<EngineSettings>): Record<string, string | number | boolean> {
  const written = engineSettingNames.flatMap((name) => {
    const value = settings[name];
    if (value === undefined) return [];
    const { wire, wireOffset = 0 } = settingRow(name);
    if (typeof value === "object") return [[wire, value.name]];
    return [[wire, typeof value === "number" ? value + wireOffset : value]];
  });
  return Object.fromEntries(written) as Record<string, string | number | boolean>;
}
