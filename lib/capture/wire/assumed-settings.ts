import { type EngineSettingName, settingRow, usualEngineSettings } from "../../settings/index.js";
import type { TraceMeta } from "../../trace/index.js";

/** The settings that a replay cannot do without, of an engine that finds prefixes in blocks or in slots. */
const needed: Readonly<Record<"blocks" | "slots", readonly EngineSettingName[]>> = {
  blocks: ["blockSize", "kvCacheBlocks", "maxNumSeqs", "maxNumBatchedTokens"],
  slots: ["maxNumSeqs", "maxNumBatchedTokens"],
};

/**
 * What a capture does not know of its engine's settings and a replay will assume, in words with the numbers and what to
 * give instead; undefined when nothing.
 */
export function assumedSettings({ engine = {}, extra }: TraceMeta): string | undefined {
  const names = needed[engine.prefixReuse ?? "blocks"].filter((name) => engine[name] === undefined);
  if (names.length === 0) return undefined;
  const usual = usualEngineSettings(engine.blockSize);
  const assumed = names.map((name) => `${settingRow(name).wire} ${usual[name]}`).join(", ");
  const who = typeof extra.engine === "string" ? `${extra.engine} does` : "the server does";
  const flags = names.map((name) => metaFlag(name)).join(" ");
  return `${who} not tell all its settings, and a replay assumes ${assumed}: give ${flags}`;
}

/** How a recording is told a setting: by its own flag, or as a fact of the meta line. */
function metaFlag(name: EngineSettingName): string {
  const { flag, wire } = settingRow(name);
  return name === "maxNumSeqs" || name === "maxNumBatchedTokens" ? `${flag} N` : `--meta ${wire}=N`;
}
