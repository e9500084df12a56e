import { InputError, type Ms, requireFinite, type Tokens } from "../base/index.js";
import type { KvLink } from "../engine/index.js";
import { type PrefillPool, routerPolicy } from "../fleet/index.js";
import type { LatencyModel } from "../latency/index.js";
import { type ChosenSettings, chooseSettings, type EngineSettings } from "../settings/index.js";
import type { TraceMeta } from "../trace/index.js";
import { capturedEngine } from "./captured-engine.js";

/** Engines that compute prompts for a replay's replicas, which then decode. */
export interface ReplayPrefill extends Omit<PrefillPool, "link"> {
  /** Network of each engine, 10^9 bytes a second. Default 25: 200 Gbit/s, which is assumed. */
  readonly transferGbps?: number;
  /** What a transfer takes beside its bytes. Default 1 ms, which is assumed. */
  readonly transferLatencyMs?: Ms;
}

/** What the prefill engines of a replay run under. */
export interface PrefillConditions {
  readonly replicas: number;
  readonly router: string;
  readonly engine: ChosenSettings;
  readonly poolTokens: Tokens;
  /** Kind of the latency model. */
  readonly latency: string;
  readonly nonCachedTokens?: Tokens;
  readonly link: KvLink;
  readonly gbps: number;
  /** What of the network is assumed. */
  readonly assumed: readonly ("bandwidth" | "latency")[];
}

/** What is assumed of each engine's network where nothing tells: a card of 200 Gbit/s. */
const usualNetwork = { gbps: 25, latencyMs: 1 } as const;

/**
 * What prefill engines run under: settings as those of the replicas, but for what is given for them alone and the memory of their own
 * card; the network in tokens, by the bytes of a token at the replicas.
 * @throws InputError where nothing tells the bytes of a token, KV is kept in slots, or the network has no speed
 */
export function prefillConditions(
  meta: TraceMeta,
  prefill: ReplayPrefill,
  fleet: {
    readonly model: LatencyModel;
    readonly settings: EngineSettings;
    readonly given: Partial<EngineSettings> | undefined;
    readonly router: NonNullable<PrefillPool["router"]>;
  },
): PrefillConditions {
  const { model = fleet.model, transferGbps, transferLatencyMs } = prefill;
  const engine = chooseSettings({
    given: { ...fleet.given, ...prefill.engine },
    captured: capturedEngine(meta),
    ...(model.memory && { profile: model.memory }),
    fitted: model.fittedAt,
  });
  const { settings } = engine;
  const bytes = fleet.settings.kvBytesPerToken ?? fleet.model.memory?.kvBytesPerToken;
  if (bytes === undefined)
    throw new InputError(
      "prefill: the network is in bytes, and nothing tells the bytes of a token: give kvBytesPerToken (--bytes-per-token), or a latency model that knows them (--profile, --model-config)",
    );
  for (const { prefixReuse } of [settings, fleet.settings])
    if (prefixReuse !== "blocks")
      throw new InputError(
        `prefill: KV is read in vLLM's blocks, and prefixReuse is "${prefixReuse}": give prefixReuse "blocks"`,
      );
  const gbps = transferGbps ?? usualNetwork.gbps;
  const latencyMs = transferLatencyMs ?? usualNetwork.latencyMs;
  requireFinite("prefill", "transferGbps", gbps, Number.MIN_VALUE);
  requireFinite("prefill", "transferLatencyMs", latencyMs, 0);
  return {
    replicas: prefill.replicas,
    router: routerPolicy(prefill.router ?? fleet.router).name,
    engine,
    poolTokens: settings.kvCacheBlocks * settings.blockSize,
    latency: model.kind,
    ...(prefill.nonCachedTokens !== undefined && { nonCachedTokens: prefill.nonCachedTokens }),
    link: { tokensPerMs: (gbps * 1e6) / bytes, latencyMs },
    gbps,
    assumed: [
      ...(transferGbps === undefined ? (["bandwidth"] as const) : []),
      ...(transferLatencyMs === undefined ? (["latency"] as const) : []),
    ],
  };
}
