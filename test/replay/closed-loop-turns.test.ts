import { describe, expect, it } from "vitest";
import { closedLoopTurns } from "../../lib/replay/closed-loop-turns.js";
import { BlockTable, type JsonValue, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/** A trace of answers of one token, from their arrival to their end; undefined: the end is not known. */
function traceOf(
  times: readonly (readonly [arrivalMs: number, endMs?: number, more?: Partial<TraceRecord>])[],
  options?: JsonValue,
): Trace {
  return {
    meta: { extra: options === undefined ? {} : { options } },
    records: times.map(([arrivalMs, endMs, more]) => ({
      promptTokens: 16,
      outputTokens: 1,
      arrivalMs,
      ...(endMs !== undefined && { ttftMs: endMs - arrivalMs, finishReason: "length" }),
      ...more,
    })),
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}

const placesOf = (trace: Trace) => closedLoopTurns(trace).map(({ maxInFlight }) => maxInFlight);
const gapsOf = (trace: Trace) => closedLoopTurns(trace).map(({ gapMs }) => gapMs);

describe("the places of a closed loop", () => {
  it("are the requests in flight when one arrived, itself included, whatever the order of the trace", () => {
    // In the order of arrival: 100 to 200, 130 to 180, 190 to 220, 205 to an end unknown, 230 to 240.
    expect(placesOf(traceOf([[190, 220], [130, 180], [100, 200], [230, 240], [205]]))).toEqual([
      2, 2, 1, 2, 2,
    ]);
  });

  it("are those that were recorded, where they were", () => {
    expect(
      placesOf(
        traceOf([
          [0, 10, { concurrency: 5 }],
          [1, 10],
          [2, 10, { concurrency: 0 }],
        ]),
      ),
    ).toEqual([5, 2, 1]);
  });

  it("count the first first of those that came together", () => {
    expect(
      placesOf(
        traceOf([
          [7, 10],
          [7, 10],
          [7, 10],
        ]),
      ),
    ).toEqual([1, 2, 3]);
  });

  it("are as many as are given, without gaps, whatever was captured", () => {
    const trace = traceOf(
      [
        [0, 10, { concurrency: 5 }],
        [400, 500],
      ],
      { pattern: "constant", concurrency: 7 },
    );
    expect(closedLoopTurns(trace, 3)).toEqual([
      { maxInFlight: 3, gapMs: 0 },
      { maxInFlight: 3, gapMs: 0 },
    ]);
  });
});

describe("the places that a report tells", () => {
  const busy = (benchmark: number) => ({ concurrency: 9, extra: { benchmark } });
  const withTold = (told: JsonValue): Trace => {
    const trace = traceOf([
      [0, 10, busy(1)],
      [100, 110, busy(2)],
    ]);
    return { ...trace, meta: { extra: { max_concurrency: told } } };
  };

  it("are one number for all, or each benchmark's own", () => {
    expect(placesOf(withTold(4))).toEqual([4, 4]);
    expect(placesOf(withTold([1, 8]))).toEqual([1, 8]);
  });

  it("are those in flight where a benchmark has none", () => {
    expect(placesOf(withTold([1]))).toEqual([9, 9]);
    expect(placesOf(withTold([1, "8"]))).toEqual([9, 9]);
  });

  it("are the load generator's workers before that", () => {
    const trace = withTold(4);
    const extra = { max_concurrency: 4, options: { pattern: "constant", concurrency: 3 } };
    expect(placesOf({ ...trace, meta: { extra } })).toEqual([3, 3]);
  });
});

describe("the client's own time between an answer and the next request", () => {
  it("counts from the end that made room, or from the send before it, whichever was later", () => {
    // The first counts from itself; then from the sends at 100, the ends at 180 and 200, and the end at 220.
    expect(gapsOf(traceOf([[190, 220], [130, 180], [100, 200], [230, 240], [205]]))).toEqual([
      10, 30, 0, 10, 5,
    ]);
    expect(
      gapsOf(
        traceOf([
          [0, 10],
          [20, 500],
          [50, 60],
        ]),
      ),
    ).toEqual([0, 20 - 10, 30]);
  });

  it("is none where a request is sent in the moment of an end, which makes its room", () => {
    const trace = traceOf([
      [0, 100],
      [100, 150],
    ]);
    expect(gapsOf(trace)).toEqual([0, 0]);
    expect(placesOf(trace)).toEqual([1, 1]);
  });

  it("is none before the first request, whenever that was", () => {
    expect(
      gapsOf(
        traceOf([
          [5000, 5010],
          [5030, 5040],
        ]),
      ),
    ).toEqual([0, 20]);
  });
});

describe("the load generator's workers", () => {
  const at = (arrivals: readonly number[], options: JsonValue) =>
    placesOf(
      traceOf(
        arrivals.map((ms) => [ms, ms + 1, { concurrency: 9 }]),
        options,
      ),
    );

  it("are as many all along in a constant pattern", () => {
    expect(at([0, 500], { pattern: "constant", concurrency: 3 })).toEqual([3, 3]);
  });

  it("are those of the stair in a staircase, and of the last stair after its end", () => {
    const options = { pattern: "staircase", stairs: [1, 2, 4], duration_ms: 300 };
    expect(at([0, 99, 100, 250, 300, 1000], options)).toEqual([1, 1, 2, 4, 4, 4]);
  });

  it("are one at least", () => {
    expect(at([0, 150], { pattern: "staircase", stairs: [0, 2], duration_ms: 200 })).toEqual([1, 2]);
  });

  it("are told by numbers only", () => {
    const options = { pattern: "staircase", stairs: ["many", 2, null], duration_ms: 300 };
    expect(at([0, 299], options)).toEqual([2, 2]);
  });

  it.each<[string, JsonValue]>([
    ["another pattern", { pattern: "sweep", stairs: [1, 2], duration_ms: 300, concurrency: 3 }],
    ["a constant pattern without a number", { pattern: "constant", concurrency: "3" }],
    ["a constant pattern that has stairs", { pattern: "constant", stairs: [1, 2], duration_ms: 300 }],
    ["a staircase without stairs", { pattern: "staircase", duration_ms: 300, concurrency: 3 }],
    ["a staircase of no stairs", { pattern: "staircase", stairs: [], duration_ms: 300 }],
    ["a staircase of words", { pattern: "staircase", stairs: ["few"], duration_ms: 300 }],
    ["stairs that are no list", { pattern: "staircase", stairs: { length: 2 }, duration_ms: 300 }],
    ["a staircase without a duration", { pattern: "staircase", stairs: [1, 2], duration_ms: "300" }],
    ["nothing", null],
    ["words", "constant"],
    ["a list", [{ pattern: "constant", concurrency: 3 }]],
  ])("are not told by %s: the requests in flight are the places", (_, options) => {
    expect(at([0, 299], options)).toEqual([9, 9]);
  });
});
