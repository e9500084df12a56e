import { toGib } from "../base/index.js";
import type { LowerTier } from "../engine/index.js";
import type { ReplayConditions } from "../replay/index.js";
import {
  type ChosenSettings,
  type EngineSettingName,
  type EngineSettings,
  engineSettingNames,
  type SettingOrigin,
  settingRow,
  settingsToWire,
} from "../settings/index.js";
import type { Trace } from "../trace/index.js";

const origins: readonly SettingOrigin[] = ["captured", "given", "profile", "fitted", "assumed"];

/** What a replay ran under, for people: every setting as the flag that gives it, by where it comes from. */
export function headerLines(conditions: ReplayConditions, prompts: string): string[] {
  const { engine, poolTokens, poolBytes, pacing, pacingFrom, replicas, router, latency, fittedAt } =
    conditions;
  const { kvCacheBlocks, blockSize } = engine.settings;
  const gib = poolBytes === undefined ? "" : ` = ${toGib(poolBytes).toFixed(1)} GiB`;
  const at = fittedAt ? `, fitted at ${asFlags(fittedAt)}` : "";
  return [
    `pool: ${kvCacheBlocks} blocks of ${blockSize} tokens = ${poolTokens} tokens${gib}`,
    ...tierLines(conditions.tiers, engine.settings),
    ...settingsLines(engine),
    ...(replicas > 1 ? [`replicas: ${replicas} of these, router ${router}`] : []),
    ...prefillLines(conditions),
    `pacing: ${pacing} (${pacingFrom}); prompts: ${prompts}; latency model: ${latency}${at}`,
    ...limitLine(conditions),
  ];
}

/** Memory behind the pool; what of it is assumed says so. */
export function tierLines(tiers: readonly LowerTier[], settings: EngineSettings): string[] {
  const { kvChunkTokens, blockSize, enablePrefixCaching, cpuKvGib, diskKvGib, sharedKvGib } = settings;
  if (!enablePrefixCaching && (cpuKvGib || diskKvGib || sharedKvGib))
    return ["behind the pool: nothing, as prefix caching is off"];
  const given = { cpu: settings.cpuKvGbps, disk: settings.diskKvGbps, shared: settings.sharedKvGbps };
  const chunk = kvChunkTokens === undefined ? "" : `, in chunks of ${kvChunkTokens} tokens`;
  return tiers.map(
    ({ name, tokens, gbps, latencyMs }) =>
      `behind the pool, ${name === "shared" ? "one store for all replicas" : name}: ${Math.floor(tokens / blockSize)} blocks = ${tokens} tokens${chunk}; loads at ${gbps} GB/s${given[name] === undefined ? " (assumed)" : ""} and ${latencyMs} ms each (assumed), one at a time beside the steps; stores take no time`,
  );
}

/** Engines that compute prompts for the replicas: how they differ, and what of the network is assumed. */
function prefillLines({ prefill, engine, latency }: ReplayConditions): string[] {
  if (!prefill) return [];
  const { replicas, router, gbps, link, assumed, nonCachedTokens } = prefill;
  const there = prefill.engine.settings;
  const differs = asFlags(
    Object.fromEntries(
      engineSettingNames
        .filter((name) => there[name] !== engine.settings[name])
        .map((name) => [name, there[name]]),
    ),
  );
  const own = [
    ...(differs === "" ? [] : [differs]),
    ...(prefill.latency === latency ? [] : [`latency model ${prefill.latency}`]),
  ];
  const said = (what: (typeof assumed)[number]) => (assumed.includes(what) ? " (assumed)" : "");
  const local =
    nonCachedTokens === undefined
      ? "all prompts"
      : `prompts of which ${nonCachedTokens} tokens or more are not in the cache of their decode engine (--non-cached-tokens)`;
  return [
    `prefill: ${replicas} engines${own.length > 0 ? ` with ${own.join(", ")}` : " as these"}, router ${router}, compute ${local}`,
    `network of each engine: ${gbps} GB/s${said("bandwidth")} and ${link.latencyMs} ms${said("latency")} a transfer, one at a time beside the steps, in whole blocks; the first token comes from the decode engine, which computes the last prompt token again`,
  ];
}

/** An engine's settings as the flags that give them, a line for each place that they come from. */
export function settingsLines(engine: ChosenSettings): string[] {
  return origins.flatMap((origin) => {
    const flags = asFlags(settingsFrom(engine, origin));
    return flags === "" ? [] : [`engine, ${origin}: ${flags}`];
  });
}

function limitLine({ requestTimeoutMs, onTimeout, pacing }: ReplayConditions): string[] {
  if (requestTimeoutMs === undefined) return [];
  const then =
    pacing !== "session"
      ? ""
      : onTimeout === "end-session"
        ? ", then ends the session (--on-timeout end-session)"
        : ", then sends the next turn at once (--on-timeout next-turn)";
  return [`client: gives up on a request that is not complete after ${requestTimeoutMs / 1000} s${then}`];
}

/** The same as the keys of a JSON document. */
export function headerJson(conditions: ReplayConditions): Record<string, unknown> {
  const { engine, poolTokens, poolBytes, pacingFrom, latency, fittedAt, evidence, notes } = conditions;
  return {
    engine: {
      ...engineJson(engine),
      pool_tokens: poolTokens,
      ...(poolBytes !== undefined && { pool_gib: toGib(poolBytes) }),
    },
    pacing_from: pacingFrom,
    ...((conditions.replicas > 1 || conditions.prefill) && {
      replica_count: conditions.replicas,
      router: conditions.router,
    }),
    ...(conditions.prefill && { prefill: prefillJson(conditions.prefill) }),
    latency: {
      kind: latency,
      fitted_at: fittedAt ? settingsToWire(fittedAt) : null,
      in_sample: evidence ? evidence.inSample : null,
      ...(notes && { notes }),
    },
    ...(conditions.ranksAsOne !== undefined && { ranks_as_one: conditions.ranksAsOne }),
  };
}

function prefillJson(prefill: NonNullable<ReplayConditions["prefill"]>): Record<string, unknown> {
  const { replicas, router, engine, poolTokens, latency, link, gbps, assumed, nonCachedTokens } = prefill;
  return {
    replica_count: replicas,
    router,
    engine: { ...engineJson(engine), pool_tokens: poolTokens },
    latency,
    non_cached_tokens: nonCachedTokens ?? null,
    kv_transfer: { gbps, latency_ms: link.latencyMs, tokens_per_ms: link.tokensPerMs, assumed },
  };
}

/** Each setting as `{ value, from }`, under its name in code in snake case. */
export function engineJson({ settings, from }: ChosenSettings): Record<string, unknown> {
  return Object.fromEntries(
    engineSettingNames.flatMap((name) => {
      const value = settings[name];
      return value === undefined ? [] : [[snakeCase(name), { value: wordOf(value), from: from[name] }]];
    }),
  );
}

/** The settings that a live server tells of itself. */
export function liveEngineJson({ meta: { engine = {} } }: Trace): Record<string, unknown> {
  const told = engineSettingNames.flatMap((name) => {
    const value = engine[name];
    return value === undefined ? [] : [[snakeCase(name), { value: wordOf(value), from: "captured" }]];
  });
  const { kvCacheBlocks, blockSize } = engine;
  return {
    ...Object.fromEntries(told),
    ...(kvCacheBlocks !== undefined && blockSize !== undefined && { pool_tokens: kvCacheBlocks * blockSize }),
  };
}

/** Settings as the flags that give them. */
export function asFlags(settings: Partial<EngineSettings>): string {
  return engineSettingNames
    .flatMap((name) => {
      const value = settings[name];
      if (value === undefined) return [];
      const { flag } = settingRow(name);
      if (typeof value === "boolean") return [value ? flag : flag.replace("--", "--no-")];
      return [`${flag} ${wordOf(value)}`];
    })
    .join(" ");
}

function settingsFrom({ settings, from }: ChosenSettings, origin: SettingOrigin): Partial<EngineSettings> {
  return Object.fromEntries(
    engineSettingNames.filter((name) => from[name] === origin).map((name) => [name, settings[name]]),
  );
}

function wordOf(value: NonNullable<EngineSettings[EngineSettingName]>): string | number | boolean {
  return typeof value === "object" ? value.name : value;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
