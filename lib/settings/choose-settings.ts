import {
  type EngineSettingName,
  type EngineSettings,
  engineSettingNames,
  someEngineSettings,
  usualEngineSettings,
} from "./engine-settings.js";

/**
 * Where a setting comes from: the trace tells it, the caller gave it, a latency profile's card and model decide it, a fit
 * decided it, or nothing tells and it is assumed.
 */
export type SettingOrigin = "captured" | "given" | "profile" | "fitted" | "assumed";

/** What is known of an engine, by where it is known from. */
export interface SettingSources {
  /** What the caller asks for; goes before all others. */
  readonly given?: Readonly<Record<string, unknown>> | undefined;
  /** What the trace's meta line tells. */
  readonly captured?: Partial<EngineSettings> | undefined;
  /**
   * What a latency profile stands for; its pool is given in tokens, since the block size may come from elsewhere. Its bytes of a
   * token count only where a size in GiB needs them.
   */
  readonly profile?: (Partial<EngineSettings> & { readonly poolTokens?: number }) | undefined;
  /** What a fit has decided. */
  readonly fitted?: Partial<EngineSettings> | undefined;
}

/** An engine's settings, each with where it comes from. */
export interface ChosenSettings {
  readonly settings: EngineSettings;
  readonly from: Readonly<Record<EngineSettingName, SettingOrigin>>;
}

/**
 * Chooses each setting from the first source that tells it: given, captured, profile, fitted, else assumed. A pool told in
 * blocks of one size keeps its tokens when the blocks get another size: memory stays what it is. A profile's pool goes with the
 * bytes of its own model, whatever model was captured.
 * @throws InputError for a given name that is no setting, or a value that does not fit
 */
export function chooseSettings(sources: SettingSources): ChosenSettings {
  const { poolTokens, kvBytesPerToken, ...otherProfile } = sources.profile ?? {};
  const given = someEngineSettings(sources.given ?? {});
  const hasGib = [given, sources.captured].some(
    (told) => (told?.cpuKvGib ?? told?.diskKvGib ?? told?.sharedKvGib) !== undefined,
  );
  const profile = { ...otherProfile, ...(hasGib && kvBytesPerToken !== undefined && { kvBytesPerToken }) };
  const told: readonly (readonly [SettingOrigin, Partial<EngineSettings>])[] = [
    ["given", given],
    ["captured", sources.captured ?? {}],
    ["profile", profile],
    ["fitted", sources.fitted ?? {}],
  ];
  const originOf = (name: EngineSettingName): SettingOrigin =>
    told.find(([, settings]) => settings[name] !== undefined)?.[0] ?? "assumed";
  const toldValue = <K extends EngineSettingName>(name: K): EngineSettings[K] | undefined =>
    told.find(([, settings]) => settings[name] !== undefined)?.[1][name];

  const usual = usualEngineSettings(toldValue("blockSize"));
  const settings = Object.fromEntries(
    engineSettingNames.map((name) => [name, toldValue(name) ?? usual[name]]),
  ) as unknown as EngineSettings;
  const from = Object.fromEntries(engineSettingNames.map((name) => [name, originOf(name)])) as Record<
    EngineSettingName,
    SettingOrigin
  >;
  const inBlocks = (tokens: number) => Math.max(1, Math.floor(tokens / settings.blockSize));
  const { captured = {} } = sources;
  if (from.kvCacheBlocks === "captured" && captured.kvCacheBlocks !== undefined) {
    const capturedTokens = captured.kvCacheBlocks * (captured.blockSize ?? settings.blockSize);
    return { settings: { ...settings, kvCacheBlocks: inBlocks(capturedTokens) }, from };
  }
  if (poolTokens !== undefined && (from.kvCacheBlocks === "assumed" || from.kvCacheBlocks === "fitted")) {
    const isOtherModel = from.kvBytesPerToken === "captured" && kvBytesPerToken !== undefined;
    return {
      settings: {
        ...settings,
        kvCacheBlocks: inBlocks(poolTokens),
        ...(isOtherModel && { kvBytesPerToken }),
      },
      from: {
        ...from,
        kvCacheBlocks: "profile",
        ...(isOtherModel && { kvBytesPerToken: "profile" }),
      },
    };
  }
  return { settings, from };
}
