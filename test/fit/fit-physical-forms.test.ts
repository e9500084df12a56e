import { describe, expect, it } from "vitest";
import { quantile, stream } from "../../lib/base/index.js";
import { assumedDepthRatio, fitPhysical, type PhysicalFitOptions } from "../../lib/fit/fit-physical.js";
import type { Observation } from "../../lib/fit/observation.js";
import {
  type FitRange,
  type StepCoefficients,
  type StepForm,
  type StepLoad,
  stepPricer,
} from "../../lib/latency/index.js";
import { observationOf } from "./observation-of.js";

const range: FitRange = { uncachedTokens: [1, 2], contextTokens: [1, 2], runningSeqs: [1, 2] };

const prices: StepCoefficients = {
  stepMs: 8,
  prefillTokenMs: 0.04,
  prefillTokenDepthMs: 4e-6,
  prefillSeqMs: 0.7,
  decodeSeqMs: 0.05,
  decodeContextTokenMs: 2e-4,
};

/** Isolated requests that cost 3 ms and 1 us a prompt token, decode gaps and gaps with a chunk, of an engine at these prices. */
function observationsOf(form: StepForm, given: StepCoefficients): Observation[] {
  const price = stepPricer(given, form);
  const priced = (kind: Observation["kind"], load: Partial<StepLoad>, run: number, promptTokens = 100) => {
    const o = observationOf({ kind, load, run, promptTokens });
    const outsideMs = kind === "isolated" ? 3 + 0.001 * promptTokens : 0;
    return { ...o, ms: outsideMs + price(o.load) };
  };
  const prefill = (i: number) => {
    const prefillTokens = 10 + ((i * 97) % 1500);
    return { prefillTokens, prefillTokenDepth: prefillTokens * (50 + ((i * 53) % 900)), prefillSeqs: 1 };
  };
  const decodes = (i: number) => {
    const decodeSeqs = 1 + ((i * 7) % 40);
    return { decodeSeqs, decodeContextTokens: decodeSeqs * (100 + ((i * 131) % 900)) };
  };
  return [
    ...Array.from({ length: 60 }, (_, i) => {
      const load = prefill(i);
      return priced("isolated", load, i, load.prefillTokens + (i % 5) * 300);
    }),
    ...Array.from({ length: 80 }, (_, i) => priced("decode", decodes(i), 100 + i)),
    ...Array.from({ length: 80 }, (_, i) => priced("chunk", { ...prefill(i), ...decodes(i) }, 200 + i)),
  ];
}

const relative = (value: number | undefined, truth: number) => Math.abs((value ?? 0) / truth - 1);

describe("fitPhysical of steps in another form", () => {
  const expertPassMs = 12;
  it.each<[string, StepForm, StepCoefficients]>([
    ["a maximum", { combine: "max", expertShare: 0 }, prices],
    ["a sum with experts", { combine: "sum", expertShare: 0.05 }, { ...prices, expertPassMs }],
    ["a maximum with experts", { combine: "max", expertShare: 0.05 }, { ...prices, expertPassMs }],
  ])("finds the prices that made %s", (_, form, truth) => {
    const fit = fitPhysical(observationsOf(form, truth), range, { form });
    for (const [name, price] of Object.entries(truth))
      expect(relative((fit.step as unknown as Record<string, number>)[name], price), name).toBeLessThan(0.01);
    expect(fit.form).toEqual(form);
    const expert = fit.coefficients.find(({ name }) => name === "expert_pass_ms");
    expect(expert?.value).toBe(form.expertShare > 0 ? fit.step.expertPassMs : undefined);
    expect("expertPassMs" in fit.step).toBe(form.expertShare > 0);
    expect(fit.coefficients.every(({ identified }) => identified)).toBe(true);
    expect([fit.openPrices, fit.pinnedDepthRatio]).toEqual([undefined, undefined]);
    expect(fit.trimmed).toBe(0);
  });

  it("prices a pass over the experts at nothing where steps show no such cost", () => {
    const form: StepForm = { combine: "sum", expertShare: 0.05 };
    const fit = fitPhysical(observationsOf({ combine: "sum", expertShare: 0 }, prices), range, { form });
    expect(fit.coefficients.find(({ name }) => name === "expert_pass_ms")!.value).toBeCloseTo(0, 3);
  });
});

describe("fitPhysical of a maximum whose sides never settle", () => {
  it("ends all the same, with the last round's prices", () => {
    const form: StepForm = { combine: "max", expertShare: 0 };
    const random = stream(20, "sides");
    const chunks = Array.from({ length: 12 }, (_, run) => {
      const prefillTokens = 50 + random.integer(600);
      const load = { prefillTokens, prefillSeqs: 1, decodeSeqs: 1 + random.integer(10) };
      return observationOf({ kind: "chunk", run, load, ms: 2 + 30 * random.uniform() });
    });
    const gaps = Array.from({ length: 12 }, (_, i) => {
      const load = { decodeSeqs: 1 + random.integer(10) };
      return observationOf({ run: 50 + i, load, ms: 4 + 10 * random.uniform() });
    });
    const { step, residuals } = fitPhysical([...chunks, ...gaps], range, { form });
    const cost = stepPricer(step, form);
    const priced = chunks.map((o) => o.ms / cost(o.load) - 1);
    const said = residuals.find(({ of }) => of === "gaps with a prefill chunk")!.relative;
    // Not settled: some steps were fitted on the side that these prices do not put them on.
    const apart = (["p05", "p95"] as const).map(
      (at) => said[at] - quantile(priced, Number(at.slice(1)) / 100)!,
    );
    expect(Math.max(...apart.map(Math.abs))).toBeGreaterThan(0.01);
    for (const price of Object.values(step)) expect(price).toBeGreaterThanOrEqual(0);
  });
});

describe("fitPhysical of prices that observations leave open", () => {
  /** Isolated requests of one size, and gaps of 4 and of 12 sequences without a cost of their own. */
  function oneSize(decodeSeqMs = 0.4): Observation[] {
    const load = { prefillTokens: 1000, prefillTokenDepth: 500_000, prefillSeqs: 1 };
    return [
      ...Array.from({ length: 20 }, (_, run) =>
        observationOf({ kind: "isolated", promptTokens: 1000, load, run, ms: 90 }),
      ),
      ...Array.from({ length: 40 }, (_, i) => {
        const decodeSeqs = i % 2 === 0 ? 4 : 12;
        return observationOf({ load: { decodeSeqs }, run: 100 + i, ms: decodeSeqMs * decodeSeqs });
      }),
    ];
  }

  it.each([undefined, 2e-5, 3e-3])(
    "prices depth at the ratio %s to the token, and the requests at what they took",
    (depthRatio) => {
      const options: PhysicalFitOptions = depthRatio === undefined ? {} : { depthRatio };
      const fit = fitPhysical(oneSize(), range, options);
      const ratio = depthRatio ?? assumedDepthRatio;
      const { stepMs, prefillTokenMs, prefillTokenDepthMs } = fit.step;
      expect(fit.pinnedDepthRatio).toBe(ratio);
      expect(prefillTokenDepthMs).toBe(ratio * prefillTokenMs);
      const [requestMs, promptTokenMs] = fit.coefficients.slice(6).map(({ value }) => value);
      const total =
        stepMs + 1000 * prefillTokenMs + 500_000 * prefillTokenDepthMs + requestMs + 1000 * promptTokenMs;
      expect(total).toBeCloseTo(90, 1);
      expect(requestMs + 1000 * promptTokenMs).toBeLessThan(0.1);
      expect(fit.openPrices).toEqual([
        "prefill_token_ms",
        "prefill_token_depth_ms",
        "request_ms",
        "prompt_token_ms",
      ]);
    },
  );

  it("pulls all but steps and tokens towards zero by a ten-thousandth, or by the ridge where that is more", () => {
    const shrinkOf = (options: PhysicalFitOptions) =>
      1 - fitPhysical(oneSize(), range, options).step.decodeSeqMs / 0.4;
    const shrunk = shrinkOf({});
    expect(shrunk).toBeGreaterThan(1e-4);
    for (const ridge of [0, 1e-5, 9e-5, 1e-4]) expect(shrinkOf({ ridge })).toBe(shrunk);
    expect(shrinkOf({ ridge: 1.1e-4 })).toBeGreaterThan(shrunk);
    expect(shrinkOf({ ridge: 1e-3 })).toBeGreaterThan(5 * shrunk);
  });

  it("pins depth where it is told to, also of prices that are told apart", () => {
    const form: StepForm = { combine: "sum", expertShare: 0 };
    const observations = observationsOf(form, { ...prices, prefillTokenDepthMs: 0.04 * 7e-5 });
    const fit = fitPhysical(observations, range, { pinsDepth: true, depthRatio: 7e-5 });
    expect(fit.pinnedDepthRatio).toBe(7e-5);
    expect(fit.openPrices).toBeUndefined();
    expect(relative(fit.step.prefillTokenMs, 0.04)).toBeLessThan(1e-3);
    expect(fit.step.prefillTokenDepthMs).toBe(7e-5 * fit.step.prefillTokenMs);
    // Pinned at another ratio, it cannot meet them all.
    for (const depthRatio of [0, 1e-3]) {
      const other = fitPhysical(observations, range, { pinsDepth: true, depthRatio });
      expect(other.step.prefillTokenDepthMs).toBe(depthRatio * other.step.prefillTokenMs);
      expect(other.residuals[0].relative.p95 - other.residuals[0].relative.p05).toBeGreaterThan(0.01);
    }
  });

  it.each([3, -3])("explains no constant of %d ms a span with the column that it pinned", (constantMs) => {
    const spans = Array.from({ length: 40 }, (_, i) => {
      const steps = 2 + (i % 20);
      return observationOf({ kind: "span", steps, run: i, ms: 6 * steps + constantMs });
    });
    const { residuals } = fitPhysical(spans, range, { pinsDepth: true });
    expect(residuals[0].relative.p95 - residuals[0].relative.p05).toBeGreaterThan(0.01);
  });

  it("leaves open the one price that nothing but a step's makes up", () => {
    const isolated = observationsOf({ combine: "sum", expertShare: 0 }, prices).slice(0, 60);
    const { openPrices, pinnedDepthRatio, coefficients } = fitPhysical(isolated, range);
    expect([openPrices, pinnedDepthRatio]).toEqual([["request_ms"], assumedDepthRatio]);
    // What is left open goes to the steps.
    expect(coefficients[6].value).toBeLessThan(0.01);
  });

  it("leaves no price open that it has not seen", () => {
    const gaps = oneSize().filter(({ kind }) => kind === "decode");
    const { openPrices, pinnedDepthRatio } = fitPhysical(gaps, range);
    expect([openPrices, pinnedDepthRatio]).toEqual([undefined, undefined]);
  });

  it("tells prices apart by relative errors, as it fits: a few prompts of other sizes do, however short or long", () => {
    const services = (sizes: readonly number[]) =>
      sizes.map((prefillTokens, run) => {
        const load = { prefillTokens, prefillTokenDepth: prefillTokens ** 2 / 2, prefillSeqs: 1 };
        return observationOf({ kind: "service", load, run, ms: 0.1 * prefillTokens });
      });
    const isTold = (sizes: readonly number[], more: readonly Observation[] = []) =>
      fitPhysical([...services(sizes), ...more], range).coefficients[1].identified;
    const many = (size: number) => Array.from({ length: 40 }, () => size);
    const short = [10, 15, 20, 25, 30, 35];
    const long = [10_000, 15_000, 20_000, 25_000, 30_000, 35_000];
    expect(isTold(many(10_000))).toBe(false);
    expect(isTold([...many(10_000), ...short])).toBe(true);
    expect(isTold([...many(10), ...long])).toBe(true);
    // A gap of no time weighs no more than one that a clock can tell.
    expect(isTold([...many(10_000), ...short], [observationOf({ load: { decodeSeqs: 1 }, ms: 0 })])).toBe(
      true,
    );
  });
});
