import { InputError, type JsonObject } from "../../../base/index.js";
import { readJsonRows } from "./json-rows.js";
import { looseObject } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Bodies of requests by `x_request_id`, from the raw records that AIPerf writes beside a profile export at the level `raw`:
 * `P_raw.jsonl` beside `P.jsonl`, rows with `metadata` and `payload`. Empty where there are none.
 */
export async function aiperfBodies(path: string): Promise<ReadonlyMap<string, unknown>> {
  const bodies = new Map<string, unknown>();
  const base = path.replace(/\.jsonl(\.gz)?$/, "");
  if (base === path) return bodies;
  for (const raw of [`${base}_raw.jsonl`, `${base}_raw.jsonl.gz`]) {
    try {
      await readJsonRows(raw, new TraceBuilder(raw, {}, 1), {}, (row) => take(row, bodies));
      return bodies;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
  return bodies;
}

function take(row: JsonObject, bodies: Map<string, unknown>): void {
  const { x_request_id: id } = looseObject(row, "metadata");
  if (typeof id === "string" && row.payload !== undefined) bodies.set(id, row.payload);
}
