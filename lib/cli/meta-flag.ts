import { type Command, InvalidArgumentError } from "commander";
import { settingRow } from "../settings/index.js";
import type { JsonValue } from "../trace/index.js";
import { parseCount } from "./engine-flags.js";

/** The flags with which a recording is told what its server does not say. */
export interface MetaFlags {
  readonly meta?: Readonly<Record<string, JsonValue>>;
  readonly maxNumSeqs?: number;
  readonly maxNumBatchedTokens?: number;
}

/** Adds `--meta` and the two engine settings that servers seldom tell. */
export function addMetaFlags(command: Command): Command {
  for (const name of ["maxNumBatchedTokens", "maxNumSeqs"] as const) {
    const { flag, placeholder, says } = settingRow(name);
    command.option(
      `${flag} <${placeholder}>`,
      `${says}, for the trace's meta line: servers seldom tell it`,
      parseCount,
    );
  }
  return command.option(
    "--meta <key=value>",
    "a fact for the trace's meta line, e.g. gpu=H100 or num_gpu_blocks=8192; repeatable",
    parseMeta,
  );
}

/** The facts that the flags give, by the wire names of a meta line; undefined when none. */
export function metaFromFlags(flags: MetaFlags): Readonly<Record<string, JsonValue>> | undefined {
  const { meta, maxNumSeqs, maxNumBatchedTokens } = flags;
  const facts = {
    ...(maxNumSeqs !== undefined && { [settingRow("maxNumSeqs").wire]: maxNumSeqs }),
    ...(maxNumBatchedTokens !== undefined && {
      [settingRow("maxNumBatchedTokens").wire]: maxNumBatchedTokens,
    }),
    ...meta,
  };
  return Object.keys(facts).length === 0 ? undefined : facts;
}

/** Numbers and booleans become such; anything else is text. */
function parseMeta(text: string, before: Record<string, JsonValue> = {}): Record<string, JsonValue> {
  const [, key, value] = /^(\w+)=(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError("not of the form key=value");
  const number = /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
  const boolean = value === "true" ? true : value === "false" ? false : undefined;
  return { ...before, [key]: number ?? boolean ?? value };
}
