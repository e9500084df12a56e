import { InputError } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { Trace } from "../../trace.js";
import { agenticMooncake } from "./agentic-mooncake.js";
import { aiperf } from "./aiperf.js";
import { azure } from "./azure.js";
import { bailian } from "./bailian.js";
import { blis } from "./blis.js";
import { burstgpt } from "./burstgpt.js";
import { claudeCode } from "./claude-code.js";
import { codex } from "./codex.js";
import { conversations } from "./conversations.js";
import { csv } from "./csv.js";
import { dynamo } from "./dynamo.js";
import { guidellm } from "./guidellm.js";
import { identifyFile } from "./identify-file.js";
import type { Importer, ImportOptions } from "./importer.js";
import { langfuse } from "./langfuse.js";
import { litellm } from "./litellm.js";
import { llmservingsim } from "./llmservingsim.js";
import { lmcache } from "./lmcache.js";
import { mooncake } from "./mooncake.js";
import { mooncakeDelta } from "./mooncake-delta.js";
import { openaiLog } from "./openai-log.js";
import { otel } from "./otel.js";
import { tracelab } from "./tracelab.js";
import { vllmBench } from "./vllm-bench.js";
import { weka } from "./weka.js";

const importers: readonly Importer[] = [
  mooncake,
  mooncakeDelta,
  agenticMooncake,
  dynamo,
  bailian,
  weka,
  tracelab,
  lmcache,
  claudeCode,
  codex,
  otel,
  litellm,
  langfuse,
  openaiLog,
  conversations,
  llmservingsim,
  aiperf,
  guidellm,
  vllmBench,
  blis,
  azure,
  burstgpt,
  csv,
];

/**
 * The formats that can be imported: name and one line of description each.
 * @example
 * ```ts
 * import { importFormats } from "prefixlab";
 * importFormats.find(({ format }) => format === "mooncake")?.description;
 * // → "Mooncake JSON lines: arrivals, lengths and block hashes of 512 tokens; no latencies, no sessions"
 * ```
 */
export const importFormats: readonly { readonly format: string; readonly description: string }[] = importers;

/**
 * Reads a file of a foreign format into a trace.
 * @throws InputError when the format is unknown, the source cannot be read or holds no usable record, or, with
 * `strict`, at the first bad row
 * @example
 * ```ts
 * import { dataDir, importTrace } from "prefixlab";
 * const trace = await importTrace("mooncake", `${dataDir()}/examples/mooncake-style.jsonl`);
 * [trace.meta.blockSize, trace.records.length]; // → [512, 316]
 * ```
 */
export async function importTrace(format: string, path: string, options: ImportOptions = {}): Promise<Trace> {
  const importer = importers.find((candidate) => candidate.format === format);
  if (!importer)
    throw new InputError(
      `importTrace: format must be one of ${importers.map((known) => known.format).join(", ")}, got "${format}"`,
    );
  return importer.read(path, options).catch(async (error: unknown) => {
    if (!(error instanceof RowError || error instanceof InputError)) throw error;
    const found = await identifyFile(path);
    // What is wrong with the head of a source, outside its rows, cannot be left out as a row can.
    const said = error instanceof RowError ? `${path}: ${error.message}` : error.message;
    const isOther = found !== undefined && found.advice !== `--format ${format} reads it`;
    if (error instanceof InputError && !isOther) throw error;
    throw new InputError(isOther ? `${said}. The file looks like ${found.what}: ${found.advice}` : said);
  });
}
