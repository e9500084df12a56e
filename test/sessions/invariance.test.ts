import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { EDGE_KINDS, inferSessions } from "../../lib/sessions/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";
import { multiturnTrace } from "./multiturn-trace.js";
import { randomTrace } from "./random-trace.js";

/** Small traces of both makes: conversations on shared prefixes, and chains that nobody designed. */
const traces = fc.integer({ min: 0, max: 1_000_000 }).map((seed): Trace => {
  if (seed % 2 === 0) return distinctArrivals(randomTrace(seed, { maxRequests: 25, clockTicks: 200 }));
  return multiturnTrace({
    seed,
    sessions: 2 + (seed % 7),
    turns: 1 + (seed % 4),
    prefixCount: 1 + (seed % 3),
    prefixTokens: 64,
    promptTokens: 40,
    outputTokens: 30,
    ratePerSecond: 1,
    thinkMs: 500,
    ttftMs: 300,
    recordAnswers: seed % 5 === 0,
  });
});

/** Between requests that arrive together and are alike, the order of rows decides; so none arrive together here. */
function distinctArrivals(trace: Trace): Trace {
  const records = trace.records.map((record, i) => ({
    ...record,
    arrivalMs: (record.arrivalMs as number) + i / 64,
  }));
  return { ...trace, records };
}

function withRecords(trace: Trace, change: (record: TraceRecord) => TraceRecord): Trace {
  return { ...trace, records: trace.records.map(change) };
}

describe("inferSessions does not depend on", () => {
  it("the order of the rows in the file", () => {
    fc.assert(
      fc.property(traces, fc.integer(), (trace, seed) => {
        const random = stream(seed, "shuffle");
        const order = Array.from(trace.records.keys());
        for (let i = order.length - 1; i > 0; i--) {
          const j = random.integer(i + 1);
          [order[i], order[j]] = [order[j] as number, order[i] as number];
        }
        const shuffled = { ...trace, records: order.map((i) => trace.records[i] as TraceRecord) };
        const place = new Map(order.map((original, at) => [original, at]));
        const straight = inferSessions(trace);
        const found = inferSessions(shuffled);
        const moved = order.map((original) => {
          const parent = straight.parent[original] as number;
          return parent < 0 ? -1 : (place.get(parent) as number);
        });
        expect(Array.from(found.parent)).toEqual(moved);
        expect(Array.from(found.turn)).toEqual(order.map((original) => straight.turn[original]));
        expect(Array.from(found.session)).toEqual(order.map((original) => straight.session[original]));
      }),
      { numRuns: 300 },
    );
  });

  it("which ids the blocks have", () => {
    fc.assert(
      fc.property(traces, fc.integer({ min: 1, max: 1000 }), (trace, salt) => {
        const blocks = new BlockTable();
        for (let i = 0; i < salt; i++) blocks.internFresh();
        const ids = new Map<number, number>();
        const relabel = (chain: Int32Array) =>
          chain
            .toReversed()
            .map((id) => {
              const other = ids.get(id) ?? blocks.internFresh();
              ids.set(id, other);
              return other;
            })
            .toReversed();
        const relabelled = withRecords(trace, (record) => ({
          ...record,
          ...(record.blockIds ? { blockIds: relabel(record.blockIds) } : {}),
          ...(record.outputBlockIds ? { outputBlockIds: relabel(record.outputBlockIds) } : {}),
        }));
        expect(inferSessions({ ...relabelled, blocks })).toEqual(inferSessions(trace));
      }),
      { numRuns: 300 },
    );
  });

  it("when the capture started", () => {
    fc.assert(
      fc.property(traces, fc.integer({ min: 0, max: 1 << 20 }), (trace, shiftMs) => {
        // Times in steps of 1/64 ms, so that shifting them rounds nothing.
        const onGrid = withRecords(trace, (record) => ({
          ...record,
          arrivalMs: Math.round((record.arrivalMs as number) * 64) / 64,
        }));
        const shifted = withRecords(onGrid, (record) => ({
          ...record,
          arrivalMs: (record.arrivalMs as number) + shiftMs,
        }));
        expect(inferSessions(shifted)).toEqual(inferSessions(onGrid));
      }),
      { numRuns: 300 },
    );
  });
});

describe("inferSessions always", () => {
  it("gives parents that were over before, turns that count up, sessions that are trees", () => {
    fc.assert(
      fc.property(traces, (trace) => {
        const { parent, turn, session, sessionCount, evidence, overlapShare } = inferSessions(trace);
        const [retry] = [EDGE_KINDS.indexOf("retry")];
        let roots = 0;
        trace.records.forEach((record, i) => {
          const p = parent[i] as number;
          if (p < 0) {
            roots++;
            expect(turn[i]).toBe(1);
            expect(evidence.kind[i]).toBe(0);
            return;
          }
          const before = trace.records[p] as TraceRecord;
          const decode = before.itlSummary ? before.itlSummary.meanMs * before.itlSummary.count : 0;
          const over =
            (before.arrivalMs as number) + (before.ttftMs === undefined ? 0 : before.ttftMs + decode);
          expect(before.arrivalMs as number).toBeLessThanOrEqual(record.arrivalMs as number);
          const isRetry = evidence.kind[i] === retry;
          const lateMs = over - (record.arrivalMs as number);
          const failed = before.finishReason === "error";
          if (!failed)
            expect(lateMs).toBeLessThanOrEqual(
              Math.max(0.1, overlapShare * (over - (before.arrivalMs as number))) + 1e-9,
            );
          expect(turn[i]).toBe(turn[p]! + (isRetry ? 0 : 1));
          expect(session[i]).toBe(session[p]);
          expect(evidence.sharedBlocks[i]).toBeGreaterThan(evidence.trunkBlocks[i]!);
          expect(evidence.confidence[i]).toBeGreaterThan(0);
          expect(evidence.confidence[i]).toBeLessThanOrEqual(1);
        });
        expect(sessionCount).toBe(roots);
      }),
      { numRuns: 300 },
    );
  });
});
