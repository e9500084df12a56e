import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { type DrawnComparison, renderSvg, routerFigure } from "../../lib/figure/index.js";

const around = (estimate: number, by: number) => ({ estimate, lower: estimate - by, upper: estimate + by });
const outcome = (router: string, delivered: number, p50: number) => ({
  router,
  shares: {
    delivered: around(delivered, 0.02),
    lostToEviction: around(0.1, 0.01),
    lostToRouting: around(0.8 - delivered, 0.01),
  },
  ttftMs: { p50: around(p50, 5), p99: { ...around(10 * p50, 50), upper: undefined } },
});
const comparison: DrawnComparison = {
  replicas: 4,
  sessions: 60,
  level: 0.95,
  outcomes: [outcome("round-robin", 0.4, 80), outcome("sticky", 0.7, 60)],
};

describe("the figure of routers", () => {
  const { data, layout } = routerFigure(comparison);

  it("stacks what was found, lost to eviction and lost to routing, a bar a router", () => {
    const [found, evicted, elsewhere] = data;
    expect(found).toMatchObject({ x: [0.4, 0.7], base: [0, 0] });
    expect(evicted).toMatchObject({ x: [0.1, 0.1], base: [0.4, 0.7] });
    expect(elsewhere).toMatchObject({ base: [0.5, 0.8] });
  });

  it("has whiskers to the limits, and none where a limit is not known", () => {
    expect(data[3].error_x).toMatchObject({ array: [0.02, 0.02], arrayminus: [0.02, 0.02] });
    expect(data[5].error_x).toMatchObject({ array: [0, 0], arrayminus: [50, 50] });
  });

  it("says how far routers are apart, how many sessions the whiskers are over, and is drawn", async () => {
    const text = JSON.stringify(layout);
    expect(text).toContain(
      "Hits 40.0 % (round-robin) to 70.0 % (sticky); TTFT p50 80.0 ms (round-robin) to 60.0 ms (sticky)",
    );
    expect(text).toContain("95 % over 60 sessions");
    expect(await renderSvg(routerFigure(comparison))).toContain("round-robin");
  });

  it("is drawn without times where no request had a first token, and refuses no router", () => {
    const unknown = { estimate: undefined, lower: undefined, upper: undefined };
    const none = comparison.outcomes.map((one) => ({ ...one, ttftMs: { p50: unknown, p99: unknown } }));
    expect(routerFigure({ ...comparison, outcomes: none }).data).toHaveLength(4);
    expect(() => routerFigure({ ...comparison, outcomes: [] })).toThrow(InputError);
  });
});
