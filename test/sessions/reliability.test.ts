import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { renderSvg, xyChart } from "../../lib/figure/index.js";
import { EDGE_KINDS, inferSessions, scoreSessions, sessionsOf } from "../../lib/sessions/index.js";
import { fitLogistic, type LogisticRow } from "./workloads/fit-logistic.js";
import { hasPublicData, workloadsOf } from "./workloads/index.js";
import type { Half, LabelledWorkload } from "./workloads/labelled.js";
import { labelsOf } from "./workloads/labelled.js";
import { type Reliability, reliabilityOf, rounded } from "./workloads/reliability-of.js";

const FOLDER = "data/sessions";

interface SetScore {
  readonly workloads: number;
  readonly requests: number;
  readonly precision: number | null;
  readonly recall: number | null;
  readonly adjusted_rand_index: number;
  readonly false_edges: number;
  readonly left_out: number;
}

interface Report {
  readonly half: Half;
  readonly edges: Reliability;
  readonly roots: Reliability;
  readonly sets: Readonly<Record<string, SetScore>>;
}

function reportOf(half: Half, workloads: readonly LabelledWorkload[]): Report {
  const edges: [number, boolean][] = [];
  const roots: [number, boolean][] = [];
  const sets: Record<string, SetScore> = {};
  for (const set of new Set(workloads.map((workload) => workload.set))) {
    const sum = { requests: 0, used: 0, actual: 0, correct: 0, index: 0, leftOut: 0 };
    const some = workloads.filter((workload) => workload.set === set);
    for (const { trace, parent } of some) {
      const found = sessionsOf(trace, { useRecorded: false });
      const { inferred } = found;
      inferred?.parent.forEach((p, i) => {
        (p < 0 ? roots : edges).push([inferred.evidence.confidence[i]!, p === parent[i]]);
      });
      const score = scoreSessions(found, labelsOf(parent));
      sum.requests += trace.records.length;
      sum.used += score.inferred;
      sum.actual += score.actual;
      sum.correct += score.correct;
      sum.index += score.adjustedRandIndex;
      sum.leftOut += found.leftOut;
    }
    sets[set] = {
      workloads: some.length,
      requests: sum.requests,
      precision: sum.used === 0 ? null : rounded(sum.correct / sum.used),
      recall: sum.actual === 0 ? null : rounded(sum.correct / sum.actual),
      adjusted_rand_index: rounded(sum.index / some.length),
      false_edges: sum.used - sum.correct,
      left_out: sum.leftOut,
    };
  }
  return { half, edges: reliabilityOf(edges), roots: reliabilityOf(roots), sets };
}

async function fitWeights(): Promise<void> {
  const rows: LogisticRow[] = [];
  for (const { trace, parent } of await workloadsOf("fit")) {
    const features: Float64Array[] = [];
    const found = inferSessions(trace, { onFeatures: (i, values) => (features[i] = values.slice()) });
    const spawnsFrom = EDGE_KINDS.indexOf("spawn");
    // What is found by time has a confidence of its own.
    for (const [i, values] of features.entries())
      if (found.evidence.kind[i]! < spawnsFrom)
        rows.push({ features: values, isRight: found.parent[i] === parent[i] });
  }
  const weights = fitLogistic(rows).map((weight) => `  ${rounded(weight)},\n`);
  writeFileSync(
    "lib/sessions/confidence-weights.ts",
    `/**
 * Weights of the features of an edge, in the order of \`featureNames\`. Fitted, not written by hand: see
 * \`data/sessions/README.md\`.
 */
export const confidenceWeights: readonly number[] = [
${weights.join("")}];
`,
  );
}

async function draw({ edges, roots }: Report): Promise<string> {
  const series = [
    ["edges", edges],
    ["requests without a parent", roots],
  ] as const;
  return renderSvg(
    xyChart({
      title: "How often an edge is right, by how sure it is said to be",
      subtitle: `half of the data that nothing was fitted to: ${edges.n} edges, error ${edges.expected_calibration_error}; ${roots.n} roots, error ${roots.expected_calibration_error}`,
      x: { title: "said to be sure to", unit: "share" },
      y: { title: "right", unit: "share" },
      series: [
        { label: ["calibrated"], x: [0, 1], y: [0, 1], colour: "muted", draw: "line", dashed: true },
        ...series.map(([name, { bins }], k) => ({
          label: [name],
          x: bins.map(({ said }) => said),
          y: bins.map(({ right }) => right),
          colour: k === 0 ? ("modeled" as const) : ("accent" as const),
          draw: "points" as const,
        })),
      ],
    }),
  );
}

const skipped = hasPublicData
  ? ""
  : " (skipped: ../shared/data/weka, weka-subagents and tau-bench are not there)";

describe.skipIf(!hasPublicData)(`confidence on data that it was not fitted to${skipped}`, () => {
  it("is what data/sessions/reliability.json says, and errs by no more than 0.05", async () => {
    if (process.env.UPDATE_RELIABILITY === "fit") {
      await fitWeights();
      return;
    }
    const report = reportOf("held out", await workloadsOf("held out"));
    if (process.env.UPDATE_RELIABILITY) {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(`${FOLDER}/reliability.json`, `${JSON.stringify(report, null, 2)}\n`);
      writeFileSync(`${FOLDER}/reliability.svg`, await draw(report));
    }
    const committed = JSON.parse(readFileSync(`${FOLDER}/reliability.json`, "utf8")) as Report;
    for (const what of ["edges", "roots"] as const) {
      const error = report[what].expected_calibration_error;
      expect(error).toBeCloseTo(committed[what].expected_calibration_error, 2);
    }
    expect(report.edges.expected_calibration_error).toBeLessThanOrEqual(0.05);
    expect(report.roots.expected_calibration_error).toBeLessThanOrEqual(0.05);
    const { sets } = report;
    expect(sets.weka).toMatchObject({ precision: expect.any(Number) });
    expect(sets.weka?.precision).toBeGreaterThanOrEqual(0.997);
    expect(sets.weka?.recall).toBeGreaterThanOrEqual(0.986);
    expect(sets.weka?.adjusted_rand_index).toBeGreaterThanOrEqual(0.97);
    expect(sets["reasoning dropped"]?.precision).toBeGreaterThanOrEqual(0.99);
    expect(sets["reasoning dropped"]?.recall).toBeGreaterThanOrEqual(0.99);
    const rag = sets["rag single shots"]!;
    expect(rag.false_edges / rag.requests).toBeLessThanOrEqual(0.005);
  }, 240_000);
});
