import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { inferSessions, recordedSessions, scoreSessions } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";

const captures = readdirSync("data").filter((name) => name.endsWith(".jsonl.gz"));

/** What a poorer recorder would have left out of the same capture. */
const poorer: Readonly<Record<string, (record: TraceRecord) => TraceRecord>> = {
  "as captured": (record) => record,
  "without the blocks of the answers": ({ outputBlockIds: _, ...rest }) => rest,
  "without latencies": ({ ttftMs: _, itlMs: __, elapsedMs: ___, ...rest }) => rest,
  "without either": ({ ttftMs: _, itlMs: __, elapsedMs: ___, outputBlockIds: ____, ...rest }) => rest,
};

describe("inferSessions on the committed captures", () => {
  it("has captures to be judged on", () => {
    expect(captures.length).toBeGreaterThan(0);
  });

  for (const name of captures) {
    for (const [what, leaveOut] of Object.entries(poorer)) {
      it(`agrees with the load generator on every edge: ${name}, ${what}`, async () => {
        const trace = await readTrace(`data/${name}`);
        const seen: Trace = { ...trace, records: trace.records.map(leaveOut) };
        const found = inferSessions(seen);
        const truth = recordedSessions(trace);
        if (truth === undefined) {
          // A sweep of single prompts: whatever they share, none is the next turn of another.
          expect(found.parent.every((parent) => parent < 0)).toBe(true);
          return;
        }
        const score = scoreSessions(found, truth);
        expect(score.correct).toBe(score.actual);
        expect(score.inferred).toBe(score.actual);
        expect(score.adjustedRandIndex).toBe(1);
        expect(Array.from(found.turn)).toEqual(Array.from(truth.turn));
      });
    }
  }
});
