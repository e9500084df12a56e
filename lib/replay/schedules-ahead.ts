import type { TraceMeta } from "../trace/index.js";

/** First release of vLLM that schedules asynchronously by default (vllm-project/vllm#27614). */
const firstAsynchronous = [0, 14] as const;

/**
 * Whether the captured engine composed a step while the one before it ran, where its name, version and card tell it: vLLM
 * from 0.14 on does by default, on accelerators, without pipeline parallelism. Undefined where that is not known; the CPU
 * backend, which does not, has no card to tell.
 */
export function schedulesAhead({ gpu, extra }: TraceMeta): boolean | undefined {
  if (extra.engine !== "vllm" || typeof extra.engine_version !== "string" || gpu === undefined)
    return undefined;
  if (typeof extra.pipeline_parallel_size === "number" && extra.pipeline_parallel_size > 1) return false;
  const [major, minor] = extra.engine_version.split(".").map(Number);
  if (!Number.isInteger(major) || !Number.isInteger(minor)) return undefined;
  const [firstMajor, firstMinor] = firstAsynchronous;
  return major > firstMajor || (major === firstMajor && minor >= firstMinor);
}
