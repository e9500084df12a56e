import { describe, expect, it } from "vitest";
import { ttftDistances } from "../../lib/judge/index.js";
import { sessionsOf, traceOf, ttftTrace } from "./judged-traces.js";

describe("ttftDistances", () => {
  it("are the largest gap of the curves and the area between them, of each cohort", () => {
    // Turn 1: 10 and 30 against 10 and 40. Turn 2: 20 and 20 against 25 and 25.
    const captured = ttftTrace([10, 20, 30, 20]);
    const modeled = ttftTrace([10, 25, 40, 25]);
    expect(ttftDistances({ trace: captured, sessions: sessionsOf(2, 2) }, modeled)).toEqual([
      { cohort: "all", ks: 0.5, wassersteinMs: 5 },
      { cohort: "turn1", ks: 0.5, wassersteinMs: 5 },
      { cohort: "turns2plus", ks: 1, wassersteinMs: 5 },
    ]);
  });

  it("are those of too fast as of too slow", () => {
    const [fast, slow] = [ttftTrace([10, 20]), ttftTrace([11, 23])];
    expect(ttftDistances({ trace: fast, sessions: sessionsOf(2, 1) }, slow)).toEqual(
      ttftDistances({ trace: slow, sessions: sessionsOf(2, 1) }, fast),
    );
    expect(ttftDistances({ trace: fast, sessions: sessionsOf(2, 1) }, slow)[0]!.wassersteinMs).toBeCloseTo(
      2,
      12,
    );
  });

  it("leave out cohorts that a side does not have", () => {
    const some = ttftTrace([10, 20]);
    expect(ttftDistances({ trace: some, sessions: sessionsOf(2, 1) }, some).map((d) => d.cohort)).toEqual([
      "all",
      "turn1",
    ]);
    expect(ttftDistances({ trace: some, sessions: sessionsOf(2, 1) }, traceOf([{}, {}]))).toEqual([]);
    const waiting = traceOf([
      { outputTokens: 0, elapsedMs: 5 },
      { outputTokens: 0, elapsedMs: 6 },
    ]);
    expect(ttftDistances({ trace: some, sessions: sessionsOf(2, 1) }, waiting)).toEqual([]);
    expect(ttftDistances({ trace: waiting, sessions: sessionsOf(2, 1) }, some)).toEqual([]);
  });

  it("go no further than the curve that ends first above zero", () => {
    // Known to 20 ms only: half of the requests were still waiting there.
    const cut = traceOf([{ ttftMs: 10 }, { outputTokens: 0, elapsedMs: 20 }]);
    const whole = ttftTrace([10, 1000]);
    for (const [a, b] of [
      [cut, whole],
      [whole, cut],
    ] as const)
      expect(ttftDistances({ trace: a, sessions: sessionsOf(2, 1) }, b)[0]).toMatchObject({
        ks: 0,
        wassersteinMs: 0,
      });
  });
});
