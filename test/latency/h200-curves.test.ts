import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { latencyProfile } from "../../lib/latency/index.js";
import { sharedData } from "../trace/helpers.js";
import { errorsAgainstCurve, modeledTtftMs } from "./h200-curves.js";

const csv = `${sharedData}h200-curves/step-model-quantiles.csv`;
const percent = (errors: object) =>
  Object.entries(errors)
    .map(([name, error]) => `${name} ${(100 * error).toFixed(1)} %`)
    .join(", ");

describe.skipIf(!existsSync(csv))(
  "Qwen3-8B on a real H200, cache off, 0.4 sessions/s (skipped where ../shared/data is absent)",
  () => {
    it("the workload is the one behind the curve: 555 requests", () => {
      expect(modeledTtftMs(latencyProfile("h200-qwen3-8b"))).toHaveLength(555);
    });

    it("the profile, set from the curves' minima: p50 within 10 %, p90 and p99 within 25 %", () => {
      const errors = errorsAgainstCurve(latencyProfile("h200-qwen3-8b"), csv);
      console.log(`profile h200-qwen3-8b, modeled over captured: ${percent(errors)}`);
      expect(Math.abs(errors.p50)).toBeLessThan(0.1);
      expect(Math.abs(errors.p90)).toBeLessThan(0.25);
      expect(Math.abs(errors.p99)).toBeLessThan(0.25);
    });
  },
);
