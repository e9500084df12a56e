import { type Ms, requireFinite, requireInteger, type Tokens } from "../../base/index.js";
import { type EngineOptions, engineOptions } from "../../engine/index.js";
import type { Route, RouterPolicy } from "../../fleet/index.js";
import type { LatencyModel } from "../../latency/index.js";
import { chooseSettings } from "../../settings/index.js";

/** Settings of a served engine. */
export interface ServeOptions {
  /** Default 127.0.0.1: reachable from this machine only. */
  readonly host?: string;
  /** 0 lets the system choose. Default 8000. */
  readonly port?: number;
  /** How long steps take. */
  readonly latency: LatencyModel;
  /** Name in `/v1/models`; requests may use any. Default: the kind of the latency model. */
  readonly modelName?: string;
  /** Default: what the latency model's card or its fitted engine has, else the usual. */
  readonly engine?: Partial<EngineOptions>;
  /** Engines behind one address, each with a cache of its own. Default 1. */
  readonly replicas?: number;
  /** Which of them a request is sent to, as in `runFleet`. Default "round-robin". */
  readonly router?: string | RouterPolicy | Route;
  /** Engine time over wall time: 10 answers ten times as fast. Default 1. */
  readonly timeScale?: number;
  /** Fixes the latency model's draws and the answers. Default 0. */
  readonly seed?: number;
  /** Requests that may wait to be admitted; more are refused with 503. Default 1,024. */
  readonly maxQueue?: number;
  /** Longest prompt and answer together. Default 131,072; at most what the KV pool lets one request hold. */
  readonly maxModelTokens?: Tokens;
  /** Largest request body. Default 16 MiB. */
  readonly maxBodyBytes?: number;
  /** Time a client has to send a whole request. Default 30,000. */
  readonly requestTimeoutMs?: Ms;
}

/** All settings, checked. */
export type CheckedServeOptions = Required<Omit<ServeOptions, "engine">> & { readonly engine: EngineOptions };

/**
 * Fills in the defaults and checks every setting.
 * @throws InputError naming the setting that is wrong
 */
export function serveOptions(given: ServeOptions): CheckedServeOptions {
  const { memory, fittedAt } = given.latency;
  const { settings } = chooseSettings({
    given: given.engine,
    ...(memory && { profile: memory }),
    fitted: fittedAt,
  });
  const engine = engineOptions(settings);
  return {
    host: given.host ?? "127.0.0.1",
    port: requireInteger("serve", "port", given.port ?? 8000),
    latency: given.latency,
    modelName: given.modelName ?? given.latency.kind.replace(/^profile:/, ""),
    engine,
    replicas: requireInteger("serve", "replicas", given.replicas ?? 1, 1),
    router: given.router ?? "round-robin",
    timeScale: requireFinite("serve", "timeScale", given.timeScale ?? 1, 1e-3, 1e6),
    seed: requireInteger("serve", "seed", given.seed ?? 0),
    maxQueue: requireInteger("serve", "maxQueue", given.maxQueue ?? 1024, 1),
    maxModelTokens: requireInteger("serve", "maxModelTokens", given.maxModelTokens ?? 131_072, 2),
    maxBodyBytes: requireInteger("serve", "maxBodyBytes", given.maxBodyBytes ?? 16 * 1024 * 1024, 1),
    requestTimeoutMs: requireInteger("serve", "requestTimeoutMs", given.requestTimeoutMs ?? 30_000, 1),
  };
}
