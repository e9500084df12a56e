import { type Command, Option } from "commander";
import { InputError } from "../base/index.js";
import { calibrateLatency } from "../calibrate/index.js";
import type { LatencyKind } from "../fit/index.js";
import {
  cardNameOf,
  cardNames,
  modelShapeFromConfig,
  type NumberFormat,
  numberFormats,
} from "../hardware/index.js";
import {
  analyticModel,
  type LatencyModel,
  latencyModelFromJson,
  latencyProfile,
  profileNames,
} from "../latency/index.js";
import { suppositionLines } from "./calibration-text.js";
import { parseCount } from "./engine-flags.js";
import { readJsonFile } from "./json-file.js";
import { readInput } from "./read-input.js";
import { printErr } from "./terminal.js";

/** Where a command's latency model comes from. */
export interface LatencyFlags {
  readonly latencyTrace?: readonly string[];
  readonly latencyModel?: string;
  readonly profile?: string;
  readonly latencyKind?: LatencyKind;
  readonly modelConfig?: string;
  readonly gpu?: string;
  readonly tp?: number;
  readonly dtype?: NumberFormat;
  readonly kvDtype?: NumberFormat;
}

/** Adds the flags that name a latency model: a trace to fit, a fitted model, a built-in profile, or a model on a card. */
export function addLatencyFlags(command: Command): Command {
  return command
    .option(
      "--latency-trace <trace>",
      "fit the latency model on this trace (repeatable)",
      (path: string, before: string[] = []) => [...before, path],
    )
    .option("--latency-model <file>", "a model written by 'prefixlab fit --out'")
    .addOption(new Option("--profile <name>", "a built-in model").choices(profileNames()))
    .addOption(new Option("--latency-kind <kind>", "what to fit").choices(["physical", "empirical"]))
    .option(
      "--model-config <file>",
      "a model's config.json from the Hugging Face Hub: analytic timings, with --gpu",
    )
    .option("--gpu <name>", `the card that it runs on: ${cardNames.join(", ")}`)
    .option("--tp <n>", "cards that share it by tensor parallelism (default: 1)", parseCount)
    .addOption(
      new Option("--dtype <format>", "of its weights (default: as the config says)").choices(numberFormats),
    )
    .addOption(new Option("--kv-dtype <format>", "of its KV cache (default: bf16)").choices(numberFormats));
}

/** Every flag of a latency model as it is typed, by its name among the flags. */
const typed: Readonly<Record<keyof LatencyFlags, string>> = {
  latencyTrace: "--latency-trace",
  latencyModel: "--latency-model",
  profile: "--profile",
  latencyKind: "--latency-kind",
  modelConfig: "--model-config",
  gpu: "--gpu",
  tp: "--tp",
  dtype: "--dtype",
  kvDtype: "--kv-dtype",
};

/** Flags that say how a `--model-config` runs. */
const ofConfig = ["gpu", "tp", "dtype", "kvDtype"] as const;

/** The flags of a latency model that were given, as they are typed. */
export function givenLatencyFlags(
  flags: LatencyFlags,
  among: readonly (keyof LatencyFlags)[] = Object.keys(typed) as (keyof LatencyFlags)[],
): string[] {
  return among.filter((name) => flags[name] !== undefined).map((name) => typed[name]);
}

/**
 * The latency model that the flags name. What is to be known beside its predictions goes to stderr.
 * @throws InputError when they name none, or more than one, or half of one
 */
export async function latencyFromFlags(flags: LatencyFlags): Promise<LatencyModel> {
  const model = await namedModel(flags);
  for (const note of model.notes ?? []) printErr(`latency: ${note}\n`);
  return model;
}

async function namedModel(flags: LatencyFlags): Promise<LatencyModel> {
  const { latencyTrace, latencyModel, profile, latencyKind, modelConfig } = flags;
  const named = [latencyTrace, latencyModel, profile, modelConfig].filter((f) => f !== undefined);
  const cardOnly = givenLatencyFlags(flags, ofConfig);
  if (modelConfig === undefined && cardOnly.length > 0)
    throw new InputError(
      `${cardOnly.join(", ")} ${cardOnly.length === 1 ? "says" : "say"} how a --model-config runs: give --model-config FILE with it, or leave it out`,
    );
  if (named.length !== 1)
    throw new InputError(
      "give exactly one of --latency-trace TRACE (fitted here), --latency-model FILE (from 'prefixlab fit --out'), --profile NAME and --model-config FILE with --gpu NAME",
    );
  if (latencyKind !== undefined && latencyTrace === undefined)
    throw new InputError(
      "--latency-kind says what to fit on a --latency-trace; a model or profile is of its own kind",
    );
  if (modelConfig !== undefined) return modelOnCard(modelConfig, flags);
  if (profile !== undefined) return latencyProfile(profile);
  if (latencyModel !== undefined) return readLatencyModel(latencyModel);
  const traces = [];
  for (const path of latencyTrace ?? []) traces.push(await readInput(path));
  const fit = calibrateLatency(traces, latencyKind ? { kind: latencyKind } : {});
  for (const line of suppositionLines(fit)) printErr(`latency: ${line}\n`);
  for (const warning of fit.report.warnings) printErr(`latency: ${warning}\n`);
  return fit.model;
}

/** Analytic timings of the model of a config.json on the cards that the flags name. */
async function modelOnCard(path: string, { gpu, tp, dtype, kvDtype }: LatencyFlags): Promise<LatencyModel> {
  if (gpu === undefined)
    throw new InputError(
      `--model-config needs the card that the model runs on: give --gpu with one of ${cardNames.join(", ")}`,
    );
  const card = cardNameOf(gpu);
  const json = await readJsonFile(path);
  const given = { ...(dtype && { dtype }), ...(kvDtype && { kvDtype }) };
  try {
    return analyticModel({
      shape: modelShapeFromConfig(json, { ...given, name: nameIn(json) ?? path }),
      card,
      ...(tp !== undefined && { tensorParallel: tp }),
    });
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${path}: ${error.message}`) : error;
  }
}

function nameIn(json: unknown): string | undefined {
  const name = (json as { _name_or_path?: unknown } | null)?._name_or_path;
  return typeof name === "string" && name !== "" ? name : undefined;
}

async function readLatencyModel(path: string): Promise<LatencyModel> {
  const json = await readJsonFile(path);
  try {
    return latencyModelFromJson(json);
  } catch (error) {
    throw error instanceof InputError
      ? new InputError(`${path} is no latency model, as 'prefixlab fit --out' writes it: ${error.message}`)
      : error;
  }
}
