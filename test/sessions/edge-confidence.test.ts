import { describe, expect, it } from "vitest";
import { confidenceWeights } from "../../lib/sessions/confidence-weights.js";
import { edgeConfidence } from "../../lib/sessions/edge-confidence.js";
import { featureNames } from "../../lib/sessions/edge-features.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { traceOf } from "./trace-of.js";

describe("the confidence in an edge", () => {
  it("is the logistic function of the weighted sum of its features", () => {
    expect(confidenceWeights).toHaveLength(featureNames.length);
    const features = new Float64Array(featureNames.length);
    expect(edgeConfidence(features)).toBe(0.5);
    features[2] = 1.5;
    features[8] = -2;
    const sum = 1.5 * (confidenceWeights[2] as number) - 2 * (confidenceWeights[8] as number);
    expect(edgeConfidence(features)).toBeCloseTo(1 / (1 + Math.exp(-sum)), 12);
  });

  it("is that of its features, as inference tells them", () => {
    const told: number[] = [];
    const { evidence } = inferSessions(
      traceOf({ at: 0, end: 1, prompt: "s a" }, { at: 2, end: 3, prompt: "s a A b" }, { at: 9, prompt: "" }),
      { onFeatures: (_, features) => told.push(edgeConfidence(features)) },
    );
    expect([...evidence.confidence]).toEqual(told.map(Math.fround));
  });

  it("of a whole conversation is above that of one question after another on one document", () => {
    const conversation = inferSessions(
      traceOf(
        { at: 0, end: 1, prompt: "s a" },
        { at: 2, end: 3, prompt: "s a A b" },
        { at: 4, end: 5, prompt: "s a A b B c" },
      ),
    ).evidence.confidence;
    const questions = inferSessions(
      traceOf(
        ...[0, 1, 2, 3].flatMap((d) =>
          [0, 1].map((q) => ({
            at: 10 * d + 5 * q,
            end: 10 * d + 5 * q + 1,
            prompt: `d${d} e f g h i j k l m ${q === 0 ? "p" : "q r"}`,
          })),
        ),
      ),
    );
    expect(conversation[2]).toBeGreaterThan(0.9);
    for (const [i, p] of questions.parent.entries())
      if (p >= 0) expect(questions.evidence.confidence[i]).toBeLessThan(0.5);
  });
});
