import type { Trace, TraceRecord } from "../trace/index.js";

/**
 * Puts a capture's records in the order of another capture of the same sessions, by recorded session and turn, so that
 * record i of both is the same request under other conditions. Undefined where either does not record sessions and
 * turns, or they are not the same requests.
 * @example
 * ```ts
 * import { alignTraces, readCapture } from "prefixlab";
 * const warm = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const cacheOff = await readCapture({ role: "judge", scenario: "cold", seed: 1 });
 * const aligned = alignTraces(warm, cacheOff);
 * aligned?.records.every(({ session, turn }, i) => session === warm.records[i].session && turn === warm.records[i].turn); // → true
 * ```
 */
export function alignTraces(reference: Trace, other: Trace): Trace | undefined {
  if (reference.records.length !== other.records.length) return undefined;
  const byKey = new Map<string, TraceRecord>();
  for (const record of other.records) {
    const key = requestKey(record);
    if (key === undefined || byKey.has(key)) return undefined;
    byKey.set(key, record);
  }
  const records: TraceRecord[] = [];
  for (const wanted of reference.records) {
    const found = byKey.get(requestKey(wanted) ?? "");
    if (!found || found.promptTokens !== wanted.promptTokens) return undefined;
    records.push(found);
  }
  return { ...other, records };
}

function requestKey(record: TraceRecord): string | undefined {
  return record.session === undefined || record.turn === undefined
    ? undefined
    : `${record.turn}/${record.session}`;
}
