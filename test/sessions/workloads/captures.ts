import { readdirSync } from "node:fs";
import { recordedSessions } from "../../../lib/sessions/index.js";
import { readTrace } from "../../../lib/trace/files/index.js";
import { halfOf, type LabelledWorkload } from "./labelled.js";

/** The committed captures as recorded, session and turn left out of the rows. */
export async function capturedWorkloads(): Promise<LabelledWorkload[]> {
  const names = ["", "vllm-async/", "vllm-sync/"].flatMap((folder) =>
    readdirSync(`data/${folder}`)
      .filter((name) => name.endsWith(".jsonl.gz"))
      .map((name) => `${folder}${name}`),
  );
  return Promise.all(
    names.sort().map(async (name) => {
      const trace = await readTrace(`data/${name}`);
      const parent = recordedSessions(trace)?.parent ?? new Int32Array(trace.records.length).fill(-1);
      const records = trace.records.map(({ session: _, turn: __, ...record }) => record);
      return {
        set: "own captures",
        name,
        half: halfOf(name),
        trace: { ...trace, records },
        parent,
        joins: new Set<string>(),
        spawned: new Set<number>(),
      };
    }),
  );
}
