import { InputError, requireFinite, requireInteger } from "../base/index.js";
import { type EngineSettings, settingsFromWire, settingsToWire } from "../settings/index.js";
import type { LatencyModel, ModelEvidence, ModelMemory } from "./latency-model.js";

/** What a model knows of the engine behind it. */
export interface ModelConditions {
  readonly fittedAt?: Partial<EngineSettings> | undefined;
  readonly memory?: ModelMemory | undefined;
  readonly evidence?: ModelEvidence | undefined;
}

/**
 * The model, knowing where it holds; its JSON has it as `fitted_at`, `memory` and `evidence`.
 * @example
 * ```ts
 * import { latencyProfile, withConditions } from "prefixlab/latency";
 * const model = withConditions(latencyProfile("h200-qwen3-8b"), { fittedAt: { maxNumBatchedTokens: 2048 } });
 * model.fittedAt; // → { maxNumBatchedTokens: 2048 }
 * ```
 */
export function withConditions(
  model: LatencyModel,
  { fittedAt, memory, evidence }: ModelConditions,
): LatencyModel {
  return {
    ...model,
    ...(fittedAt && { fittedAt }),
    ...(memory && { memory }),
    ...(evidence && { evidence }),
    toJson: () => ({
      ...model.toJson(),
      ...(fittedAt && { fitted_at: settingsToWire(fittedAt) }),
      ...(memory && {
        memory: { pool_tokens: memory.poolTokens, kv_bytes_per_token: memory.kvBytesPerToken },
      }),
      ...(evidence && { evidence: evidenceToJson(evidence) }),
    }),
  };
}

/**
 * What {@link withConditions} wrote; nothing where a model's JSON has none.
 * @throws InputError naming the part whose value does not fit
 */
export function conditionsFromJson(json: Readonly<Record<string, unknown>>): ModelConditions {
  const fittedAt = optionalObject("fitted_at", json.fitted_at);
  const memory = optionalObject("memory", json.memory);
  const evidence = optionalObject("evidence", json.evidence);
  return {
    fittedAt: fittedAt && settingsFromWire(fittedAt),
    evidence: evidence && evidenceFromJson(evidence),
    memory: memory && {
      poolTokens: requireInteger("latencyModelFromJson", "memory.pool_tokens", memory.pool_tokens, 1),
      kvBytesPerToken: requireFinite(
        "latencyModelFromJson",
        "memory.kv_bytes_per_token",
        memory.kv_bytes_per_token,
        Number.MIN_VALUE,
      ),
    },
  };
}

function evidenceToJson({
  engine,
  engineVersion,
  inSample,
  residuals,
}: ModelEvidence): Record<string, unknown> {
  return {
    ...(engine !== undefined && { engine }),
    ...(engineVersion !== undefined && { engine_version: engineVersion }),
    in_sample: inSample,
    residuals,
  };
}

function evidenceFromJson(json: Readonly<Record<string, unknown>>): ModelEvidence {
  const { engine, engine_version: engineVersion, in_sample: inSample, residuals } = json;
  if (!Array.isArray(inSample) || !inSample.every(Array.isArray) || !Array.isArray(residuals))
    throw new InputError(
      "latencyModelFromJson: evidence must have in_sample, a list of lists, and residuals, a list",
    );
  return {
    ...(typeof engine === "string" && { engine }),
    ...(typeof engineVersion === "string" && { engineVersion }),
    inSample: inSample as ModelEvidence["inSample"],
    residuals: residuals as ModelEvidence["residuals"],
  };
}

function optionalObject(name: string, value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object" && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  throw new InputError(`latencyModelFromJson: ${name} must be an object`);
}
