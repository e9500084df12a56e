import { existsSync } from "node:fs";
import { readCapture } from "../../lib/captures/index.js";
import { type Workload, workloadOf } from "../../lib/sessions/index.js";
import { importTrace } from "../../lib/trace/files/index.js";
import { sharedData } from "../trace/helpers.js";

export const hasSharedData = existsSync(sharedData);

export async function capture(): Promise<Workload> {
  return workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
}

/** One of the public traces beside the project. */
export async function publicWorkload(format: string, path: string, blockSize?: number): Promise<Workload> {
  return workloadOf(
    await importTrace(format, `${sharedData}${path}`, blockSize === undefined ? {} : { blockSize }),
  );
}

export const publicTraces = [
  ["mooncake", "mooncake/conversation_trace.jsonl.gz"],
  ["mooncake", "mooncake/synthetic_trace.jsonl.gz"],
  ["weka", "weka"],
] as const;
