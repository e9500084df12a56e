// Threads are started from compiled files: this tests what the build made.
import { describe, expect, it } from "vitest";
import { InputError } from "../../dist/base/index.js";
import { summarizeTraceFile } from "../../dist/scale/index.js";
import { summarizeInThreads } from "../../dist/scale/part-threads.js";
import { outlineTrace, type ReadProgress } from "../../dist/trace/files/index.js";
import { syntheticTrace, withTraceFile } from "./synthetic-trace.js";

describe("parts of a trace in threads", () => {
  it("tell what one thread does, however many parts each takes, and how far they are", async () => {
    await withTraceFile(syntheticTrace(150, 51), async (path) => {
      const windowRequests = 64;
      const alone = await summarizeTraceFile(path, { windowRequests, parts: 5, threads: 1 });
      const told: ReadProgress[] = [];
      const onProgress = (progress: ReadProgress) => told.push(progress);
      const { inspection, ttft } = await summarizeTraceFile(path, {
        windowRequests,
        parts: 5,
        threads: 2,
        onProgress,
      });
      expect(inspection).toEqual(alone.inspection);
      for (const cohort of ["all", "turn1", "turns2plus"] as const)
        expect(ttft[cohort].state()).toEqual(alone.ttft[cohort].state());
      expect(told.at(-1)?.records).toBe(inspection.requests);
      expect(told.map(({ records }) => records)).toEqual(
        told.map(({ records }) => records).sort((a, b) => a - b),
      );
    });
  });

  it("refuse as one thread does, by the class and words of its error", async () => {
    await withTraceFile(syntheticTrace(20, 52), async (path) => {
      const outline = await outlineTrace(path);
      const parts = {
        path: `${path}.gone`,
        outline,
        shape: { size: 64, quarter: 16, step: 32 },
        windows: [{ first: 0, end: 1 }],
      };
      const refused = await summarizeInThreads(parts, 2).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(InputError);
      expect((refused as Error).message).toBe(`${path}.gone: no such file`);
    });
  });
});
