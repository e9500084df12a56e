import { InputError, requireFinite, requireInteger } from "../base/index.js";
import { type EngineSettings, settingsFromWire, settingsToWire } from "../settings/index.js";
import type { LatencyModel, ModelMemory } from "./latency-model.js";

/** What a model knows of the engine behind it. */
export interface ModelConditions {
  readonly fittedAt?: Partial<EngineSettings> | undefined;
  readonly memory?: ModelMemory | undefined;
}

/**
 * The model, knowing where it holds; its JSON has it as `fitted_at` and `memory`.
 * @example
 * ```ts
 * import { latencyProfile, withConditions } from "prefixlab/latency";
 * const model = withConditions(latencyProfile("h200-qwen3-8b"), { fittedAt: { maxNumBatchedTokens: 2048 } });
 * model.fittedAt; // → { maxNumBatchedTokens: 2048 }
 * ```
 */
export function withConditions(model: LatencyModel, { fittedAt, memory }: ModelConditions): LatencyModel {
  return {
    ...model,
    ...(fittedAt && { fittedAt }),
    ...(memory && { memory }),
    toJson: () => ({
      ...model.toJson(),
      ...(fittedAt && { fitted_at: settingsToWire(fittedAt) }),
      ...(memory && {
        memory: { pool_tokens: memory.poolTokens, kv_bytes_per_token: memory.kvBytesPerToken },
      }),
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
  return {
    fittedAt: fittedAt && settingsFromWire(fittedAt),
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

function optionalObject(name: string, value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object" && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  throw new InputError(`latencyModelFromJson: ${name} must be an object`);
}
