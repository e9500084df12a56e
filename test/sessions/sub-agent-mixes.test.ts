import { describe, expect, it } from "vitest";
import { windowedSessions } from "../../lib/scale/index.js";
import { inferSessions, PARENT_KINDS, scoreSessions } from "../../lib/sessions/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { syntheticTrace } from "../scale/synthetic-trace.js";
import { truthOf } from "./workloads/labelled.js";
import { allMixes, subAgentMix } from "./workloads/sub-agent-mixes.js";
import { hasWekaFiles } from "./workloads/weka.js";

const SPAWN = PARENT_KINDS.indexOf("spawn");

const skipped = hasWekaFiles ? "" : " (skipped: ../shared/data/weka and weka-subagents are not there)";

describe.skipIf(!hasWekaFiles)(`sub-agents in mixes of conversations${skipped}`, () => {
  it("are found, and what waits for them, with precision and recall of at least 0.9 on those that the rule was made on", () => {
    const spawns = { inferred: 0, actual: 0, correct: 0 };
    const joins = { inferred: 0, actual: 0, correct: 0 };
    for (const options of allMixes("fit", 1)) {
      const mix = subAgentMix(options);
      const score = scoreSessions(inferSessions(mix.trace), truthOf(mix));
      for (const part of ["inferred", "actual", "correct"] as const) {
        spawns[part] += score.spawns[part];
        joins[part] += score.joins[part];
      }
    }
    for (const { inferred, actual, correct } of [spawns, joins]) {
      expect(correct / inferred).toBeGreaterThanOrEqual(0.9);
      expect(correct / actual).toBeGreaterThanOrEqual(0.9);
    }
  }, 60_000);
});

describe("sub-agents of a trace that has none", () => {
  const seeds = [0, 1, 2, 3, 4, 23];

  it.each([10, 30, 100])("are not found among %i conversations", (conversations) => {
    for (const seed of seeds) {
      const { link } = inferSessions(syntheticTrace(conversations, seed));
      expect(link?.includes(SPAWN) ?? false, `seed ${seed}`).toBe(false);
    }
  });

  it.each([40, 60, 240])("are not found in windows of %i requests", async (windowRequests) => {
    for (const seed of seeds) {
      const options = { windowRequests, keep: () => undefined };
      for await (const { agentDepth } of windowedSessions(rowsOf(syntheticTrace(100, seed)), options))
        expect(agentDepth, `seed ${seed}`).toBe(0);
    }
  });
});

function rowsOf({ meta, blocks, records }: Trace) {
  return {
    meta,
    blocks,
    rejected: [],
    rejectedCount: 0,
    warnings: [],
    async *[Symbol.asyncIterator]() {
      yield* records;
    },
  };
}
