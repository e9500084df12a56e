import { type Command, Option } from "commander";
import { InputError } from "../base/index.js";
import { fitLatency, type LatencyKind } from "../fit/index.js";
import { type LatencyModel, latencyModelFromJson, latencyProfile, profileNames } from "../latency/index.js";
import { readJsonFile } from "./json-file.js";
import { readInput } from "./read-input.js";

/** Where a command's latency model comes from. */
export interface LatencyFlags {
  readonly latencyTrace?: readonly string[];
  readonly latencyModel?: string;
  readonly profile?: string;
  readonly latencyKind?: LatencyKind;
}

/** Adds the flags that name a latency model: a trace to fit, a fitted model, or a built-in profile. */
export function addLatencyFlags(command: Command): Command {
  return command
    .option(
      "--latency-trace <trace>",
      "fit the latency model on this trace (repeatable)",
      (path: string, before: string[] = []) => [...before, path],
    )
    .option("--latency-model <file>", "a model written by 'prefixlab fit --out'")
    .addOption(new Option("--profile <name>", "a built-in model").choices(profileNames()))
    .addOption(new Option("--latency-kind <kind>", "what to fit").choices(["physical", "empirical"]));
}

/**
 * The latency model that the flags name.
 * @throws InputError when they name none, or more than one
 */
export async function latencyFromFlags(flags: LatencyFlags): Promise<LatencyModel> {
  const named = [flags.latencyTrace, flags.latencyModel, flags.profile].filter((f) => f !== undefined);
  if (named.length !== 1)
    throw new InputError(
      "give exactly one of --latency-trace TRACE (fitted here), --latency-model FILE (from 'prefixlab fit --out') and --profile NAME",
    );
  if (flags.latencyKind !== undefined && flags.latencyTrace === undefined)
    throw new InputError(
      "--latency-kind says what to fit on a --latency-trace; a model or profile is of its own kind",
    );
  if (flags.profile !== undefined) return latencyProfile(flags.profile);
  if (flags.latencyModel !== undefined) return readLatencyModel(flags.latencyModel);
  const traces = [];
  for (const path of flags.latencyTrace ?? []) traces.push(await readInput(path));
  return fitLatency(traces, flags.latencyKind ? { kind: flags.latencyKind } : {}).model;
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
