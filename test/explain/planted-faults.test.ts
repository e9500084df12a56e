import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataDir } from "../../lib/captures/index.js";
import { explainMisses } from "../../lib/explain/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";

interface PlantedFault {
  readonly file: string;
  /** The same conversations without the fault. */
  readonly twin: string;
  readonly cause: string;
  readonly divergence?: string;
}

const folder = join(dataDir(), "planted-faults");
const { faults } = JSON.parse(readFileSync(join(folder, "inventory.json"), "utf8")) as {
  readonly faults: readonly PlantedFault[];
};

/**
 * Of the tokens that the twin found and the faulty capture computed: how many, and how many have the planted cause. Where
 * the fault made a prompt shorter, the two are held against each other from their ends.
 */
async function lostTokens({ file, twin, cause, divergence }: PlantedFault) {
  const faulty = workloadOf(await readTrace(join(folder, file)));
  const whole = await readTrace(join(folder, twin));
  let lost = 0;
  let planted = 0;
  for (const { index, parts } of explainMisses(faulty).requests) {
    const twin = whole.records[index];
    const found = (twin.cachedTokens ?? 0) - (twin.promptTokens - faulty.trace.records[index].promptTokens);
    for (const part of parts) {
      const tokens = Math.max(0, Math.min(found, part.fromToken + part.tokens) - part.fromToken);
      lost += tokens;
      if (part.cause === cause && (divergence === undefined || part.divergence?.kind === divergence))
        planted += tokens;
    }
  }
  return { lost, planted };
}

describe("a fault planted on a real engine", () => {
  it.each(faults.map((fault) => [fault.file, fault] as const))(
    "%s: at least 99 % of the tokens that it costs have its cause",
    async (_file, fault) => {
      const { lost, planted } = await lostTokens(fault);
      expect(lost).toBeGreaterThan(1_000);
      expect(planted / lost).toBeGreaterThanOrEqual(0.99);
    },
  );
});
