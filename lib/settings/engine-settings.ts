import { InputError } from "../base/index.js";
import { numberFrom, oneOf, onOff, optional, type Setting, wholeNumber, wordOrPolicy } from "./setting.js";

/** Tokens that the assumed pool holds, whatever the size of its blocks. */
const usualPoolTokens = 1_048_576;

/**
 * The engine's settings, one row each, by vLLM's names: what is written to a meta line and read back, the flags of every
 * command that runs an engine, the axes of a sweep, and what is refused, all come from here.
 * @example
 * ```ts
 * import { engineSettings } from "prefixlab";
 * engineSettings.maxNumBatchedTokens.flag; // → "--max-num-batched-tokens"
 * engineSettings.maxNumBatchedTokens.usual; // → 2048
 * ```
 */
export const engineSettings = {
  blockSize: {
    wire: "engine_block_size",
    flag: "--block-size",
    placeholder: "tokens",
    says: "tokens a KV block",
    usual: 16,
    parse: wholeNumber(1),
  },
  kvCacheBlocks: {
    wire: "num_gpu_blocks",
    alsoRead: ["kv_cache_blocks"],
    // vLLM keeps one of the blocks that it reports as its null block.
    wireOffset: 1,
    flag: "--kv-cache-size",
    placeholder: "blocks",
    says: "blocks in the KV pool",
    usual: usualPoolTokens / 16,
    // A simulated pool takes memory for each: a hundred times what any card holds.
    parse: wholeNumber(1, 1 << 26),
  },
  maxNumSeqs: {
    wire: "max_num_seqs",
    flag: "--max-num-seqs",
    placeholder: "n",
    says: "running requests at most",
    usual: 256,
    parse: wholeNumber(1),
  },
  maxNumBatchedTokens: {
    wire: "max_num_batched_tokens",
    flag: "--max-num-batched-tokens",
    placeholder: "n",
    says: "token budget of a step",
    usual: 2_048,
    parse: wholeNumber(1),
  },
  longPrefillTokenThreshold: {
    wire: "long_prefill_token_threshold",
    flag: "--long-prefill-token-threshold",
    placeholder: "n",
    says: "longest chunk of one prefill in a step; 0: no limit of its own",
    usual: 0,
    parse: wholeNumber(0),
  },
  enablePrefixCaching: {
    wire: "enable_prefix_caching",
    alsoRead: ["prefix_caching"],
    flag: "--enable-prefix-caching",
    axis: "prefix-caching",
    says: "find prefixes in the cache; off, nothing is ever found and nothing else changes",
    usual: true,
    parse: onOff,
  },
  reserveFullPrompt: {
    wire: "scheduler_reserve_full_isl",
    flag: "--scheduler-reserve-full-isl",
    says: "admit a request only when the pool has room for its whole prompt, not just for its first chunk",
    usual: true,
    parse: onOff,
  },
  asyncScheduling: {
    wire: "async_scheduling",
    flag: "--async-scheduling",
    says: "compose a step while the one before it runs: it admits only what had arrived when that one began",
    usual: false,
    parse: onOff,
  },
  prefixReuse: {
    wire: "prefix_reuse",
    flag: "--prefix-reuse",
    placeholder: "policy",
    says: "find prefixes in vLLM's blocks or in llama.cpp's slots: blocks, slots",
    usual: "blocks",
    parse: oneOf("blocks", "slots"),
  },
  eviction: {
    wire: "eviction",
    flag: "--eviction",
    placeholder: "policy",
    says: "which block that nobody uses is given up first",
    usual: "lru",
    parse: wordOrPolicy,
  },
  schedulingPolicy: {
    wire: "scheduling_policy",
    flag: "--scheduling-policy",
    placeholder: "policy",
    says: "who is admitted next, and who is preempted",
    usual: "fcfs",
    parse: wordOrPolicy,
  },
  cpuKvGib: {
    wire: "cpu_kv_gib",
    flag: "--cpu-kv-gib",
    placeholder: "x",
    says: "CPU memory behind the KV pool, GiB, as vLLM's offloading connector has it; 0: none",
    usual: undefined,
    parse: optional(numberFrom(0)),
  },
  diskKvGib: {
    wire: "disk_kv_gib",
    flag: "--disk-kv-gib",
    placeholder: "x",
    says: "disk behind that, GiB; 0: none",
    usual: undefined,
    parse: optional(numberFrom(0)),
  },
  cpuKvGbps: {
    wire: "cpu_kv_gbps",
    flag: "--cpu-kv-gbps",
    placeholder: "x",
    says: "10^9 bytes a second from CPU memory to the pool, where there is such a tier; else 25",
    usual: undefined,
    parse: optional(numberFrom(1e-6)),
  },
  diskKvGbps: {
    wire: "disk_kv_gbps",
    flag: "--disk-kv-gbps",
    placeholder: "x",
    says: "10^9 bytes a second from disk, where there is such a tier; else 5",
    usual: undefined,
    parse: optional(numberFrom(1e-6)),
  },
  sharedKvGib: {
    wire: "shared_kv_gib",
    flag: "--shared-kv-gib",
    placeholder: "x",
    says: "a store behind that which all replicas share, GiB, as Mooncake's or LMCache's; 0: none",
    usual: undefined,
    parse: optional(numberFrom(0)),
  },
  sharedKvGbps: {
    wire: "shared_kv_gbps",
    flag: "--shared-kv-gbps",
    placeholder: "x",
    says: "10^9 bytes a second from the shared store to each replica, where there is one; else 25",
    usual: undefined,
    parse: optional(numberFrom(1e-6)),
  },
  kvChunkTokens: {
    wire: "kv_chunk_tokens",
    flag: "--kv-chunk-tokens",
    placeholder: "n",
    says: "tokens that lower tiers look up, store and give up as one, in whole blocks; LMCache: 256; else one block",
    usual: undefined,
    parse: optional(wholeNumber(1)),
  },
  offloadPromptOnly: {
    wire: "offload_prompt_only",
    flag: "--offload-prompt-only",
    says: "lower tiers, where there are some, store answers only once they are part of a prompt; else on",
    usual: undefined,
    parse: optional(onOff),
  },
  kvBytesPerToken: {
    wire: "kv_bytes_per_token",
    flag: "--bytes-per-token",
    placeholder: "n",
    says: "bytes of KV a token, for sizes in GiB; else the latency model's",
    usual: undefined,
    parse: optional(numberFrom(1e-6)),
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

type Table = typeof engineSettings;

/** Name of a setting in code. */
export type EngineSettingName = keyof Table;

/** All settings of an engine. */
export type EngineSettings = { readonly [K in EngineSettingName]: ReturnType<Table[K]["parse"]> };

/** The settings' names in code, in the order of the table. */
export const engineSettingNames = Object.keys(engineSettings) as EngineSettingName[];

/** A row of the table, whatever its type. */
export function settingRow(name: EngineSettingName): Setting<unknown> {
  return engineSettings[name];
}

/**
 * Some settings, checked: those given and no others. One that is given as undefined counts as not given.
 * @param where what they were given in, for the message
 * @throws InputError for a name that is no setting, or a value that does not fit
 */
export function someEngineSettings(
  given: Readonly<Record<string, unknown>>,
  where = "engine",
): Partial<EngineSettings> {
  const entries = Object.entries(given).flatMap(([name, value]) => {
    if (!isSettingName(name))
      throw new InputError(
        `${where}: no setting ${JSON.stringify(name)}, expected one of ${engineSettingNames.join(", ")}`,
      );
    return value === undefined ? [] : [[name, settingRow(name).parse(`${where}: ${name}`, value)] as const];
  });
  return Object.fromEntries(entries) as Partial<EngineSettings>;
}

/**
 * All settings: those given, checked, and the usual ones for the rest. A pool that is not given holds the usual number
 * of tokens, in blocks of the size that is.
 * @throws InputError for a name that is no setting, or a value that does not fit
 * @example
 * ```ts
 * import { engineSettingsOf } from "prefixlab";
 * const { blockSize, kvCacheBlocks, eviction } = engineSettingsOf({ blockSize: 32 });
 * [blockSize, kvCacheBlocks, eviction]; // → [32, 32768, "lru"]
 * ```
 */
export function engineSettingsOf(given: Readonly<Record<string, unknown>> = {}): EngineSettings {
  const checked = someEngineSettings(given);
  return { ...usualEngineSettings(checked.blockSize), ...checked };
}

/** What an engine of this block size is assumed to be where nothing tells. */
export function usualEngineSettings(blockSize: number = engineSettings.blockSize.usual): EngineSettings {
  const usual = Object.fromEntries(engineSettingNames.map((name) => [name, engineSettings[name].usual]));
  const kvCacheBlocks = Math.max(1, Math.floor(usualPoolTokens / blockSize));
  return { ...(usual as EngineSettings), blockSize, kvCacheBlocks };
}

function isSettingName(name: string): name is EngineSettingName {
  return Object.hasOwn(engineSettings, name);
}
