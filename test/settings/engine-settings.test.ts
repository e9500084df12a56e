import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chooseSettings,
  type EngineSettings,
  engineSettingNames,
  engineSettings,
  engineSettingsOf,
  settingsFromWire,
  settingsToWire,
} from "../../lib/settings/index.js";

const perhaps = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const anySettings: fc.Arbitrary<EngineSettings> = fc.record({
  blockSize: fc.integer({ min: 1, max: 512 }),
  kvCacheBlocks: fc.integer({ min: 1, max: 1e6 }),
  maxNumSeqs: fc.integer({ min: 1, max: 1024 }),
  maxNumBatchedTokens: fc.integer({ min: 1, max: 16_384 }),
  longPrefillTokenThreshold: fc.integer({ min: 0, max: 1024 }),
  enablePrefixCaching: fc.boolean(),
  reserveFullPrompt: fc.boolean(),
  asyncScheduling: fc.boolean(),
  prefixReuse: fc.constantFrom("blocks", "slots"),
  eviction: fc.constantFrom("lru", "mru"),
  schedulingPolicy: fc.constantFrom("fcfs", "priority"),
  cpuKvGib: perhaps(fc.double({ min: 0, max: 1e4, noNaN: true })),
  diskKvGib: perhaps(fc.double({ min: 0, max: 1e5, noNaN: true })),
  sharedKvGib: perhaps(fc.double({ min: 0, max: 1e5, noNaN: true })),
  sharedKvGbps: perhaps(fc.double({ min: 0.001, max: 1e3, noNaN: true })),
  cpuKvGbps: perhaps(fc.double({ min: 0.001, max: 1e3, noNaN: true })),
  diskKvGbps: perhaps(fc.double({ min: 0.001, max: 1e3, noNaN: true })),
  kvChunkTokens: perhaps(fc.integer({ min: 1, max: 512 })),
  offloadPromptOnly: perhaps(fc.boolean()),
  kvBytesPerToken: perhaps(fc.integer({ min: 1, max: 1e6 })),
});

describe("engine settings", () => {
  it("are read back from a meta line as they were written, whatever they are", () => {
    fc.assert(
      fc.property(anySettings, (settings) => {
        expect(settingsFromWire(JSON.parse(JSON.stringify(settingsToWire(settings))))).toEqual(settings);
      }),
    );
  });

  it("have a flag, a wire name and an axis of their own each", () => {
    const rows = engineSettingNames.map((name) => engineSettings[name]);
    for (const key of ["flag", "wire"] as const)
      expect(new Set(rows.map((row) => row[key])).size).toBe(rows.length);
  });

  it("refuse a name that is no setting, with the names there are", () => {
    expect(() => engineSettingsOf({ kvCacheSize: 10 })).toThrow(/no setting "kvCacheSize".*kvCacheBlocks/);
  });

  it("refuse a value that does not fit, with what was given", () => {
    expect(() => engineSettingsOf({ blockSize: 0 })).toThrow(/blockSize must be a whole number >= 1, got 0/);
    expect(() => engineSettingsOf({ prefixReuse: "pages" })).toThrow(
      /prefixReuse must be one of blocks, slots, got "pages"/,
    );
    expect(() => engineSettingsOf({ enablePrefixCaching: "maybe" })).toThrow(
      /must be on or off, got "maybe"/,
    );
    expect(() => settingsFromWire({ max_num_seqs: -2 })).toThrow(
      /meta.max_num_seqs must be a whole number >= 1/,
    );
  });

  it("take on and off in every dress that people write them in", () => {
    for (const word of ["off", "False", false])
      expect(engineSettingsOf({ enablePrefixCaching: word }).enablePrefixCaching).toBe(false);
    expect(engineSettingsOf({ enablePrefixCaching: "on" }).enablePrefixCaching).toBe(true);
  });

  it("count undefined as not given", () => {
    expect(engineSettingsOf({ blockSize: undefined })).toEqual(engineSettingsOf());
  });

  it("leave one block of the engine's report to vLLM's null block; a pool of none tells nothing", () => {
    expect(settingsFromWire({ num_gpu_blocks: 8192 })).toEqual({ kvCacheBlocks: 8191 });
    expect(settingsFromWire({ kv_cache_blocks: 8192 })).toEqual({ kvCacheBlocks: 8191 });
    expect(settingsFromWire({ num_gpu_blocks: 0, max_num_seqs: null })).toEqual({});
  });

  it("assume a pool of the same tokens whatever the size of its blocks", () => {
    for (const blockSize of [1, 16, 32, 512]) {
      const { kvCacheBlocks } = engineSettingsOf({ blockSize });
      expect(kvCacheBlocks * blockSize).toBe(1_048_576);
    }
  });
});

describe("choosing settings", () => {
  it("prefers what is given, then what was captured, then the profile, then the fit, else assumes", () => {
    const { settings, from } = chooseSettings({
      given: { maxNumSeqs: 8 },
      captured: { maxNumSeqs: 4, blockSize: 32 },
      profile: { blockSize: 64, longPrefillTokenThreshold: 7 },
      fitted: { longPrefillTokenThreshold: 9, maxNumBatchedTokens: 512 },
    });
    expect(settings).toMatchObject({
      maxNumSeqs: 8,
      blockSize: 32,
      longPrefillTokenThreshold: 7,
      maxNumBatchedTokens: 512,
    });
    expect(from).toMatchObject({
      maxNumSeqs: "given",
      blockSize: "captured",
      longPrefillTokenThreshold: "profile",
      maxNumBatchedTokens: "fitted",
      enablePrefixCaching: "assumed",
    });
  });

  it("keeps the captured pool's tokens when the blocks get another size", () => {
    const { settings } = chooseSettings({
      given: { blockSize: 16 },
      captured: { blockSize: 32, kvCacheBlocks: 100 },
    });
    expect(settings.kvCacheBlocks).toBe(200);
  });

  it("takes a profile's pool with the bytes of its own model, not with those of the model that was captured", () => {
    const profile = { poolTokens: 1_000, kvBytesPerToken: 100 };
    const captured = { kvBytesPerToken: 7 };
    expect(chooseSettings({ profile, captured })).toMatchObject({
      settings: { kvBytesPerToken: 100 },
      from: { kvCacheBlocks: "profile", kvBytesPerToken: "profile" },
    });
    for (const [sources, bytes, from] of [
      [{ profile, captured, given: { kvBytesPerToken: 3 } }, 3, "given"],
      [{ profile, captured: { ...captured, kvCacheBlocks: 9 } }, 7, "captured"],
      [{ profile: { poolTokens: 1_000 }, captured }, 7, "captured"],
    ] as const)
      expect(chooseSettings(sources)).toMatchObject({
        settings: { kvBytesPerToken: bytes },
        from: { kvBytesPerToken: from },
      });
  });

  it("fits a profile's pool to the block size, unless the pool is captured or given", () => {
    const profile = { poolTokens: 1_000 };
    expect(chooseSettings({ profile, given: { blockSize: 512 } })).toMatchObject({
      settings: { kvCacheBlocks: 1 },
      from: { kvCacheBlocks: "profile" },
    });
    expect(chooseSettings({ profile, given: { kvCacheBlocks: 9 } })).toMatchObject({
      settings: { kvCacheBlocks: 9 },
      from: { kvCacheBlocks: "given" },
    });
  });

  it("refuses a given name that is no setting", () => {
    expect(() => chooseSettings({ given: { evictions: "lru" } })).toThrow(/no setting "evictions"/);
  });
});
