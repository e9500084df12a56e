import { describeValue, InputError } from "../base/index.js";
import {
  type EngineSettingName,
  type EngineSettings,
  settingsFromWire,
  settingsToWire,
  settingWireNames,
} from "../settings/index.js";
import { checkedInt, checkedString } from "./row-checks.js";
import { RowError } from "./row-error.js";
import type { JsonValue, TraceMeta } from "./trace.js";

const known = ["schema", "model", "gpu", "source", "block_size"];

/**
 * The version of the tap schema that is written. 1, which is not written down, has no request ids, parents, messages or
 * closing record.
 * @example
 * ```ts
 * import { traceSchemaVersion } from "prefixlab/trace";
 * traceSchemaVersion; // → 2
 * ```
 */
export const traceSchemaVersion = 2;

/**
 * Block size, in tokens, of a trace with hashes whose meta line does not say.
 * @example
 * ```ts
 * import { defaultBlockSize } from "prefixlab/trace";
 * defaultBlockSize; // → 16
 * ```
 */
export const defaultBlockSize = 16;

/**
 * The facts in the `{"meta": {...}}` line of the tap schema. Engine settings come from their wire names (`lib/settings`).
 * @throws RowError when a known field has a value that it cannot have
 * @example
 * ```ts
 * import { metaFromJson } from "prefixlab/trace";
 * metaFromJson({ model: "small", block_size: 16, max_num_seqs: 64, engine: "vllm" });
 * // → { model: "small", blockSize: 16, engine: { maxNumSeqs: 64 }, extra: { engine: "vllm" } }
 * ```
 */
export function metaFromJson(json: unknown): TraceMeta {
  if (json === null || typeof json !== "object" || Array.isArray(json))
    throw new RowError(`meta must be an object, got ${describeValue(json)}`);
  const fields = json as Record<string, JsonValue>;
  checkedInt("meta.schema", fields.schema, 1);
  const model = checkedString("meta.model", fields.model);
  const gpu = checkedString("meta.gpu", fields.gpu);
  const source = checkedString("meta.source", fields.source);
  const blockSize = checkedInt("meta.block_size", fields.block_size, 1);
  const engine = engineOf(fields);
  const told = Object.keys(engine) as EngineSettingName[];
  const read = new Set([...known, ...told.flatMap(settingWireNames)]);
  const extra = Object.fromEntries(Object.entries(fields).filter(([key]) => !read.has(key)));
  return {
    ...(model !== undefined && { model }),
    ...(gpu !== undefined && { gpu }),
    ...(source !== undefined && { source }),
    ...(blockSize !== undefined && { blockSize }),
    ...(told.length > 0 && { engine }),
    extra,
  };
}

function engineOf(fields: Readonly<Record<string, JsonValue>>): Partial<EngineSettings> {
  try {
    return settingsFromWire(fields);
  } catch (error) {
    throw error instanceof InputError ? new RowError(error.message) : error;
  }
}

/** The `{"meta": {...}}` line, without its line end. */
export function metaToLine(meta: TraceMeta): string {
  return JSON.stringify({
    meta: {
      schema: traceSchemaVersion,
      ...(meta.source !== undefined && { source: meta.source }),
      ...(meta.model !== undefined && { model: meta.model }),
      ...(meta.gpu !== undefined && { gpu: meta.gpu }),
      ...(meta.blockSize !== undefined && { block_size: meta.blockSize }),
      ...settingsToWire(meta.engine ?? {}),
      ...meta.extra,
    },
  });
}
