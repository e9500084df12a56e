import { dirname, join } from "node:path";
import { asObject, type JsonObject } from "../../../base/index.js";
import type { JsonValue } from "../../trace.js";
import { readJsonDocument } from "./json-rows.js";

/** What an AIPerf summary tells of its run. */
export interface AiperfSettings {
  readonly model?: string;
  /** Requests of the measured phases, failed ones included. */
  readonly requestsMade?: number;
  readonly extra: Readonly<Record<string, JsonValue>>;
}

/**
 * The summary that belongs to a profile export: `PREFIX.json` beside `PREFIX.jsonl`, `profile_export_aiperf.json` by
 * default, its `input_config` the run's settings. A concurrency is kept as `max_concurrency` where no request rate was asked
 * for, and all measured phases have the same: requests were sent as others ended. Without a file beside it nothing is told.
 * @throws InputError when the file that was named cannot be read
 */
export async function aiperfSettings(path: string, companionPath?: string): Promise<AiperfSettings> {
  const summary =
    companionPath === undefined ? await summaryBeside(path) : await readJsonDocument(companionPath);
  const config = asObject(summary?.input_config);
  if (!summary || !config) return { extra: {} };
  const made = ["request_count", "error_request_count"].reduce((sum, name) => {
    const count = asObject(summary[name])?.avg;
    return sum + (typeof count === "number" ? count : 0);
  }, 0);
  const model = modelOf(config);
  const places = placesOf(config);
  return {
    ...(model !== undefined && { model }),
    ...(made > 0 && { requestsMade: made }),
    extra: {
      ...(typeof summary.aiperf_version === "string" && { aiperf_version: summary.aiperf_version }),
      ...(places !== undefined && { max_concurrency: places }),
    },
  };
}

async function summaryBeside(path: string): Promise<JsonObject | undefined> {
  const base = path.replace(/\.jsonl(\.gz)?$/, "");
  const names = [base, join(dirname(path), "profile_export_aiperf")].slice(
    0,
    base.endsWith("profile_export") ? 2 : 1,
  );
  for (const candidate of names.flatMap((name) => [`${name}.json`, `${name}.json.gz`])) {
    const summary = await readJsonDocument(candidate).catch(() => undefined);
    if (summary?.input_config !== undefined) return summary;
  }
  return undefined;
}

/** `models.items[].name`; `endpoint.model_names` in early versions. */
function modelOf({ models, endpoint }: JsonObject): string | undefined {
  const [first] = listOf(asObject(models)?.items);
  const name = asObject(first)?.name ?? listOf(asObject(endpoint)?.model_names)[0];
  return typeof name === "string" ? name : undefined;
}

/** `phases[]` of kind profiling; `loadgen` in early versions. */
function placesOf({ phases, loadgen }: JsonObject): number | undefined {
  const measured = listOf(phases)
    .map((phase) => asObject(phase) ?? {})
    .filter(({ kind }) => kind === undefined || kind === "profiling");
  const loads = measured.length > 0 ? measured : [asObject(loadgen) ?? {}];
  const places = loads.map(({ concurrency, type, rate, request_rate: earlyRate }) => {
    const isPaced = (type !== undefined && type !== "concurrency") || (rate ?? earlyRate ?? null) !== null;
    return isPaced ? undefined : concurrency;
  });
  const [first] = places;
  return typeof first === "number" &&
    Number.isInteger(first) &&
    first >= 1 &&
    places.every((p) => p === first)
    ? first
    : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}
