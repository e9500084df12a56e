import { InputError } from "../../../base/index.js";
import type { Trace } from "../../trace.js";
import { agenticMooncake } from "./agentic-mooncake.js";
import { aiperf } from "./aiperf.js";
import { csv } from "./csv.js";
import type { Exporter } from "./exporter.js";
import { mooncake } from "./mooncake.js";
import { parquet } from "./parquet.js";
import { perfetto } from "./perfetto.js";
import { tap } from "./tap.js";

const exporters: readonly Exporter[] = [tap, mooncake, agenticMooncake, aiperf, csv, parquet, perfetto];

/**
 * The formats that can be written: name and one line of description each.
 * @example
 * ```ts
 * import { exportFormats } from "prefixlab";
 * exportFormats.map(({ format }) => format);
 * // → ["tap", "mooncake", "agentic-mooncake", "aiperf", "csv", "parquet", "perfetto"]
 * ```
 */
export const exportFormats: readonly { readonly format: string; readonly description: string }[] = exporters;

/**
 * Writes a trace in a foreign format.
 * @throws InputError when the format is unknown or the trace lacks what it needs
 * @throws WorkError when the file cannot be written
 * @example
 * ```ts
 * import { exportTrace, importTrace, readCapture } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * await exportTrace("mooncake", trace, "warm-1.mooncake.jsonl");
 * (await importTrace("mooncake", "warm-1.mooncake.jsonl")).records.length; // → 320
 * ```
 */
export async function exportTrace(format: string, trace: Trace, path: string): Promise<void> {
  const exporter = exporters.find((candidate) => candidate.format === format);
  if (!exporter)
    throw new InputError(
      `exportTrace: format must be one of ${exporters.map((known) => known.format).join(", ")}, got "${format}"`,
    );
  await exporter.write(trace, path);
}
