import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError, requireFinite } from "../../../base/index.js";
import type { Importer } from "./importer.js";
import { readJsonDocuments } from "./json-rows.js";
import { TraceBuilder } from "./trace-builder.js";
import { WekaPlays } from "./weka-plays.js";

/**
 * Coding-agent conversations of callanjfox/kv-cache-tester (traces/) and SemiAnalysis' cc-traces-weka: one JSON document a
 * conversation, JSON lines of them, or a folder of either, merged into one workload in which conversation k (by file name
 * and line) starts `startGapMs` times k after the first. See `weka-plays.ts` for the fields.
 */
export const weka: Importer = {
  format: "weka",
  description:
    "Weka coding-agent conversations (JSON, JSON lines or a folder): hashes, sessions, sub-agents, think times",
  async read(path, options) {
    const startGapMs = requireFinite("weka", "startGapMs", options.startGapMs ?? 60_000, 0);
    const files = await conversationFiles(path);
    const builder = new TraceBuilder(path, options, options.blockSize ?? 64, {
      field: "t",
      unit: "s",
      also: ["ttftMs", "elapsedMs", "gaps"],
      toldByDurations: true,
      anyDistance: true,
    });
    const plays = new WekaPlays(builder, options);
    let count = 0;
    for (const [index, file] of files.entries()) {
      for (const document of await readJsonDocuments(file)) {
        plays.read(file, document, count, count * startGapMs);
        count++;
      }
      options.onProgress?.({ bytesRead: index + 1, totalBytes: files.length, records: builder.length });
    }
    plays.warn();
    if (count > 1)
      builder.assume(`${count} conversations are interleaved: one starts every ${startGapMs} ms`);
    const trace = builder.finish({
      source: "weka",
      blockSize: options.blockSize ?? 64,
      extra: { conversations: count },
    });
    return plays.withAssumptions(trace);
  },
};

async function conversationFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [path];
  const files = (await readdir(path)).filter((name) => /\.jsonl?(\.gz)?$/.test(name)).sort();
  if (files.length === 0) throw new InputError(`${path}: holds no .json, .jsonl or .gz file of them`);
  return files.map((name) => join(path, name));
}
