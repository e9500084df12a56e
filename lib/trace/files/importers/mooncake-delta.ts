import { AiperfSessions } from "./aiperf-sessions.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Dynamo's mooncake-delta files (ai-dynamo/dynamo, DynoSim Runs): the keys of `mooncake`, but from the second turn of a session
 * on a row holds only the input that it adds. See `aiperf-sessions.ts`: AIPerf's session traces are of the same shape.
 */
export const mooncakeDelta: Importer = {
  format: "mooncake-delta",
  description: "Mooncake JSON lines whose later turns hold only what they add to the session's prompt",
  async read(path, options) {
    const blockSize = options.blockSize ?? 512;
    const builder = new TraceBuilder(path, options, blockSize, { field: "timestamp", unit: "ms" });
    const sessions = new AiperfSessions(builder, blockSize);
    await readJsonRows(path, builder, options, (row, line, ids) => sessions.add(row, line, ids), "hash_ids");
    sessions.warn();
    return builder.finish({ source: "mooncake-delta", blockSize, extra: {} });
  },
};
