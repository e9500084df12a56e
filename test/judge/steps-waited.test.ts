import { describe, expect, it } from "vitest";
import { pooledStepsWaited, stepsWaited } from "../../lib/judge/index.js";
import { replay } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { linearModel } from "../engine/linear-model.js";
import { traceOf } from "./judged-traces.js";

const model = linearModel({ base: 10, prefill: 0.1 });
const engine = { maxNumBatchedTokens: 512 };

/** A long decode, and short requests that arrive beside it a fixed time after one of its steps began. */
function beside(asyncScheduling: boolean, count = 12): Trace {
  const decode: Partial<TraceRecord> = { promptTokens: 10, outputTokens: 80 * count, arrivalMs: 0 };
  const others = Array.from(
    { length: count },
    (_, i): Partial<TraceRecord> => ({
      promptTokens: 100,
      outputTokens: 1,
      arrivalMs: 214 + 530 * i,
    }),
  );
  const trace = { ...traceOf([decode, ...others]), meta: { engine, extra: {} } };
  return replay(workloadOf(trace), { model, engine: { ...engine, asyncScheduling } }).trace;
}

describe("stepsWaited", () => {
  it("counts the step that runs when a request arrives, and one more of an engine that schedules ahead", () => {
    expect(stepsWaited(beside(false))).toEqual({ mean: 1, n: 12 });
    expect(stepsWaited(beside(true))).toEqual({ mean: 2, n: 12 });
  });

  it("is not told by a trace without gaps, nor where no request arrived beside decodes", () => {
    const trace = beside(false);
    const bare = trace.records.map(({ itlMs: _, ...record }) => record);
    expect(stepsWaited({ ...trace, records: bare })).toBeUndefined();
    expect(stepsWaited({ ...trace, records: trace.records.slice(0, 1) })).toBeUndefined();
  });

  it("leaves out a prefill that does not fit into one step beside the decodes", () => {
    expect(stepsWaited(beside(false), 100)).toBeUndefined();
    expect(stepsWaited(beside(false), 101)!.n).toBe(12);
  });

  it("weighs traces by their requests", () => {
    expect(pooledStepsWaited([beside(false, 4), beside(true, 12)])).toEqual({ mean: 28 / 16, n: 16 });
    expect(pooledStepsWaited([])).toEqual({ mean: 0, n: 0 });
  });
});
