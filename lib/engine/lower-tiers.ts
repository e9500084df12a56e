import { bytesPerGib, InputError, type Ms, type Tokens } from "../base/index.js";
import type { EngineOptions } from "./engine-options.js";

/** A tier of memory behind the KV pool, and the link over which its KV comes nearer. */
export interface LowerTier {
  /** "shared": one that all replicas of a fleet share. */
  readonly name: "cpu" | "disk" | "shared";
  readonly tokens: Tokens;
  readonly tokensPerMs: number;
  /** What a transfer takes beside that. */
  readonly latencyMs: Ms;
  readonly gbps: number;
}

/** What is assumed of each link where nothing tells: PCIe 4.0 x16, one NVMe drive read through files, a network card of 200 Gbit/s. */
const links = {
  cpu: { gbps: 25, latencyMs: 0.1 },
  disk: { gbps: 5, latencyMs: 1 },
  shared: { gbps: 25, latencyMs: 1 },
} as const;

/**
 * The tiers behind an engine's pool, the nearest first; none where the settings name none, or nothing is ever found. A tier of
 * less than a block holds nothing.
 * @throws InputError where nothing tells the bytes of a token, or KV is kept in slots
 * @example
 * ```ts
 * import { engineOptions, lowerTiers } from "prefixlab/engine";
 * const [cpu] = lowerTiers(engineOptions({ cpuKvGib: 64, kvBytesPerToken: 131_072 }));
 * [cpu?.name, cpu?.tokens, cpu?.tokensPerMs]; // → ["cpu", 524288, 190.7]
 * ```
 */
export function lowerTiers(options: EngineOptions): readonly LowerTier[] {
  const { cpuKvGib = 0, diskKvGib = 0, sharedKvGib = 0 } = options;
  const { kvBytesPerToken, prefixReuse, enablePrefixCaching } = options;
  if (cpuKvGib === 0 && diskKvGib === 0 && sharedKvGib === 0) return [];
  if (kvBytesPerToken === undefined)
    throw new InputError(
      "cpuKvGib, diskKvGib and sharedKvGib are in GiB, and nothing tells the bytes of a token: give kvBytesPerToken (--bytes-per-token), or a latency model that knows them (--profile, --model-config)",
    );
  if (prefixReuse !== "blocks")
    throw new InputError(
      `cpuKvGib, diskKvGib and sharedKvGib are tiers behind vLLM's blocks, and prefixReuse is "${prefixReuse}": leave them out, or give prefixReuse "blocks"`,
    );
  if (!enablePrefixCaching) return [];
  const tier = (name: LowerTier["name"], gib: number, gbps: number = links[name].gbps): LowerTier[] =>
    gib === 0
      ? []
      : [
          {
            name,
            tokens: Math.floor((gib * bytesPerGib) / kvBytesPerToken),
            tokensPerMs: (gbps * 1e6) / kvBytesPerToken,
            latencyMs: links[name].latencyMs,
            gbps,
          },
        ];
  return [
    ...tier("cpu", cpuKvGib, options.cpuKvGbps),
    ...tier("disk", diskKvGib, options.diskKvGbps),
    ...tier("shared", sharedKvGib, options.sharedKvGbps),
  ];
}
