import { describe, expect, it } from "vitest";
import {
  cohortIndices,
  inspectTrace,
  type RangedQuantity,
  ttftObservations,
} from "../../lib/cohorts/index.js";
import { summarizeTraceFile } from "../../lib/scale/index.js";
import { inferSessions, workloadOf } from "../../lib/sessions/index.js";
import { kaplanMeier, survivalAt } from "../../lib/survival/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import type { TraceRecord } from "../../lib/trace/index.js";
import { syntheticTrace, withTraceFile } from "./synthetic-trace.js";

describe("summarizeTraceFile", () => {
  it("gives the document of inspectTrace in one pass: counts exact, medians within 0.1 %, blocks within 2 %", async () => {
    await withTraceFile(syntheticTrace(1200, 11), async (path) => {
      const trace = await readTrace(path);
      const whole = inspectTrace(workloadOf(trace));
      const { inspection } = await summarizeTraceFile(path, { windowRequests: 800 });
      const { ranges, sharing, ...exact } = inspection;
      const { ranges: wholeRanges, sharing: wholeSharing, ...wholeExact } = whole;
      expect(exact).toEqual(wholeExact);
      expect(Object.keys(ranges)).toEqual(Object.keys(wholeRanges));
      for (const [name, { p50, ...range }] of Object.entries(wholeRanges)) {
        const found = ranges[name as RangedQuantity]!;
        expect(found).toMatchObject(range);
        expect(Math.abs(found.p50 / p50 - 1), name).toBeLessThanOrEqual(0.001);
      }
      const { distinctBlocks, unboundedHitFraction, ...counted } = sharing;
      const { distinctBlocks: d, unboundedHitFraction: h, ...wholeCounted } = wholeSharing;
      expect(counted).toEqual(wholeCounted);
      expect(Math.abs(distinctBlocks / d - 1)).toBeLessThan(0.02);
      expect(Math.abs((unboundedHitFraction as number) - (h as number))).toBeLessThan(0.02);
    });
  });

  it("gives the survival curve of every cohort, failed requests censored", async () => {
    await withTraceFile(syntheticTrace(1200, 12), async (path) => {
      const trace = await readTrace(path);
      const sessions = inferSessions(trace);
      const { ttft } = await summarizeTraceFile(path, { windowRequests: 800 });
      for (const cohort of ["all", "turn1", "turns2plus"] as const) {
        const records = cohortIndices(sessions, cohort).map((i) => trace.records[i] as TraceRecord);
        const exact = kaplanMeier(ttftObservations(records));
        const sketched = ttft[cohort].curve();
        expect(sketched.n).toBe(records.length);
        // Times move by at most 0.1 %, so the sketch lies between the exact curve a little earlier and later.
        for (const ms of [45, 60, 100, 200, 400])
          expect(survivalAt(sketched, ms)).toBeGreaterThanOrEqual(survivalAt(exact, ms * 1.002) as number);
      }
    });
  });

  it("gives the same numbers whatever the window, as long as sessions fit", async () => {
    await withTraceFile(syntheticTrace(1000, 13), async (path) => {
      const [narrow, wide] = await Promise.all(
        [600, 100_000].map((windowRequests) => summarizeTraceFile(path, { windowRequests })),
      );
      expect(narrow!.inspection).toEqual(wide!.inspection);
      expect(narrow!.ttft.turn1.state()).toEqual(wide!.ttft.turn1.state());
    });
  });
});
