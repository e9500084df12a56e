import { type Command, InvalidArgumentError } from "commander";
import { InputError } from "../base/index.js";
import { routers } from "../fleet/index.js";
import type { LatencyModel } from "../latency/index.js";
import type { ReplayPrefill } from "../replay/index.js";
import {
  type EngineSettings,
  engineSettingNames,
  settingRow,
  someEngineSettings,
} from "../settings/index.js";
import { parseCount, parsePositive } from "./engine-flags.js";
import { type LatencyFlags, latencyFromFlags } from "./latency-source.js";

/** The flags of engines that compute prompts for a fleet's replicas. */
export interface PrefillFlags {
  readonly prefillReplicas?: number;
  readonly prefillRouter?: string;
  readonly nonCachedTokens?: number;
  readonly kvTransferGbps?: number;
  readonly kvTransferMs?: number;
  readonly prefillEngine?: Partial<EngineSettings>;
  readonly prefillProfile?: string;
  readonly prefillLatencyModel?: string;
  readonly prefillGpu?: string;
  readonly prefillTp?: number;
}

/** Every one of them as it is typed. */
const typed: Readonly<Record<keyof PrefillFlags, string>> = {
  prefillReplicas: "--prefill-replicas",
  prefillRouter: "--prefill-router",
  nonCachedTokens: "--non-cached-tokens",
  kvTransferGbps: "--kv-transfer-gbps",
  kvTransferMs: "--kv-transfer-ms",
  prefillEngine: "--prefill-engine",
  prefillProfile: "--prefill-profile",
  prefillLatencyModel: "--prefill-latency-model",
  prefillGpu: "--prefill-gpu",
  prefillTp: "--prefill-tp",
};

/** Adds the flags of prefill engines to a command. */
export function addPrefillFlags(command: Command): Command {
  return command
    .option(
      "--prefill-replicas <n>",
      "engines that compute prompts for the replicas, which then decode: prefill and decode apart (default: none)",
      parseCount,
    )
    .option(
      "--prefill-router <name>",
      `which of them computes a prompt: ${Object.keys(routers).join(", ")} (default: as --router)`,
    )
    .option(
      "--non-cached-tokens <n>",
      "a prompt of which fewer tokens are missing in the cache of its decode engine is computed there, as llm-d's prefix-based-pd-decider has it (default: none is)",
      parseCount,
    )
    .option(
      "--kv-transfer-gbps <x>",
      "10^9 bytes of KV a second over the network of each engine (default: 25)",
      parsePositive,
    )
    .option("--kv-transfer-ms <x>", "what a transfer takes beside that (default: 1)", parseMs)
    .option(
      "--prefill-engine <name=value,...>",
      "settings of prefill engines that are others than the replicas', by their flags: kv-cache-size=4096,max-num-batched-tokens=8192",
      parseSettings,
    )
    .option("--prefill-profile <name>", "prefill engines have the timings of this built-in model")
    .option("--prefill-latency-model <file>", "the same of a model written by 'prefixlab fit --out'")
    .option("--prefill-gpu <name>", "with --model-config: the card of the prefill engines")
    .option("--prefill-tp <n>", "with --model-config: cards that share one of them", parseCount);
}

/**
 * The prefill engines that the flags ask for; undefined where they ask for none.
 * @param latency the flags of the replicas' latency model
 * @throws InputError when some say how prefill engines are, and none how many
 */
export async function prefillFromFlags(
  where: string,
  flags: PrefillFlags,
  latency: LatencyFlags,
): Promise<ReplayPrefill | undefined> {
  const { prefillReplicas: replicas, prefillRouter, nonCachedTokens, prefillEngine } = flags;
  const { kvTransferGbps, kvTransferMs } = flags;
  if (replicas === undefined) {
    const given = (Object.keys(typed) as (keyof PrefillFlags)[]).filter((name) => flags[name] !== undefined);
    if (given.length === 0) return undefined;
    throw new InputError(
      `${where}: ${given.map((name) => typed[name]).join(", ")} is about prefill engines: give --prefill-replicas N with it`,
    );
  }
  const model = await prefillModel(where, flags, latency);
  return {
    replicas,
    ...(model && { model }),
    ...(prefillEngine && { engine: prefillEngine }),
    ...(prefillRouter !== undefined && { router: prefillRouter }),
    ...(nonCachedTokens !== undefined && { nonCachedTokens }),
    ...(kvTransferGbps !== undefined && { transferGbps: kvTransferGbps }),
    ...(kvTransferMs !== undefined && { transferLatencyMs: kvTransferMs }),
  };
}

async function prefillModel(
  where: string,
  { prefillProfile, prefillLatencyModel, prefillGpu, prefillTp }: PrefillFlags,
  { modelConfig, gpu, tp, dtype, kvDtype }: LatencyFlags,
): Promise<LatencyModel | undefined> {
  const isCard = prefillGpu !== undefined || prefillTp !== undefined;
  if (isCard && modelConfig === undefined)
    throw new InputError(
      `${where}: --prefill-gpu and --prefill-tp say how the --model-config runs on prefill engines: give it with them`,
    );
  const card = prefillGpu ?? gpu;
  const cards = prefillTp ?? tp;
  const flags: LatencyFlags = {
    ...(prefillProfile !== undefined && { profile: prefillProfile }),
    ...(prefillLatencyModel !== undefined && { latencyModel: prefillLatencyModel }),
    ...(isCard &&
      modelConfig !== undefined && {
        modelConfig,
        ...(card !== undefined && { gpu: card }),
        ...(cards !== undefined && { tp: cards }),
        ...(dtype && { dtype }),
        ...(kvDtype && { kvDtype }),
      }),
  };
  return Object.keys(flags).length === 0 ? undefined : latencyFromFlags(flags);
}

/** Engine settings as `name=value`, by their flags, between commas. */
function parseSettings(text: string): Partial<EngineSettings> {
  const given: Record<string, unknown> = {};
  for (const item of text.split(",")) {
    const [name = "", value] = item.split("=");
    const found = engineSettingNames.find((setting) => {
      const { axis, flag } = settingRow(setting);
      return (axis ?? flag.slice(2)) === name.trim();
    });
    if (!found || value === undefined)
      throw new InvalidArgumentError(
        `expected name=value with a name of ${engineSettingNames.map((setting) => settingRow(setting).axis ?? settingRow(setting).flag.slice(2)).join(", ")}`,
      );
    given[found] = value.trim();
  }
  try {
    return someEngineSettings(given, "--prefill-engine");
  } catch (error) {
    throw error instanceof InputError ? new InvalidArgumentError(error.message) : error;
  }
}

/** A time >= 0 from the command line. */
function parseMs(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError("expected a time >= 0");
  return value;
}
