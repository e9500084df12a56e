import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { windowedSessions } from "../../lib/scale/index.js";
import { type EdgeScore, inferSessions, PARENT_KINDS, scoreSessions } from "../../lib/sessions/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { syntheticTrace } from "../scale/synthetic-trace.js";
import { truthOf } from "./workloads/labelled.js";
import { type Reliability, reliabilityOf, rounded } from "./workloads/reliability-of.js";
import { allMixes, type MixOptions, subAgentMix } from "./workloads/sub-agent-mixes.js";
import { hasWekaFiles } from "./workloads/weka.js";

const REPORT = "data/sessions/sub-agents.json";
const SPAWN = PARENT_KINDS.indexOf("spawn");

interface Score {
  readonly actual: number;
  readonly precision: number;
  readonly recall: number;
}

interface MixScore {
  readonly mixes: number;
  readonly requests: number;
  readonly spawns: Score;
  readonly joins: Score;
}

interface Report {
  readonly half: string;
  readonly all: MixScore;
  /** By how sub-agents were started, and by how much gaps vary. */
  readonly by_kind: Readonly<Record<string, MixScore>>;
  readonly spawn_confidence: Reliability;
}

class Tally {
  #mixes = 0;
  #requests = 0;
  readonly #spawns = { inferred: 0, actual: 0, correct: 0 };
  readonly #joins = { inferred: 0, actual: 0, correct: 0 };

  add(requests: number, { spawns, joins }: { readonly spawns: EdgeScore; readonly joins: EdgeScore }): void {
    this.#mixes++;
    this.#requests += requests;
    for (const part of ["inferred", "actual", "correct"] as const) {
      this.#spawns[part] += spawns[part];
      this.#joins[part] += joins[part];
    }
  }

  score(): MixScore {
    const of = ({ inferred, actual, correct }: Pick<EdgeScore, "inferred" | "actual" | "correct">) => ({
      actual,
      precision: rounded(correct / inferred),
      recall: rounded(correct / actual),
    });
    return {
      mixes: this.#mixes,
      requests: this.#requests,
      spawns: of(this.#spawns),
      joins: of(this.#joins),
    };
  }
}

function reportOf(mixes: readonly MixOptions[]): Report {
  const all = new Tally();
  const kinds = new Map<string, Tally>();
  const sure: [number, boolean][] = [];
  for (const options of mixes) {
    const mix = subAgentMix(options);
    const found = inferSessions(mix.trace);
    const score = scoreSessions(found, truthOf(mix));
    const kind = `${options.starts}, gaps by ${100 * options.gapsBy} %`;
    const tally = kinds.get(kind) ?? new Tally();
    kinds.set(kind, tally);
    for (const sum of [all, tally]) sum.add(mix.trace.records.length, score);
    found.link?.forEach((how, i) => {
      if (how !== SPAWN) return;
      const isRight = mix.spawned.has(i) && mix.parent[i] === found.parent[i];
      sure.push([found.evidence.confidence[i]!, isRight]);
    });
  }
  return {
    half: mixes[0]?.half ?? "",
    all: all.score(),
    by_kind: Object.fromEntries([...kinds].map(([kind, tally]) => [kind, tally.score()])),
    spawn_confidence: reliabilityOf(sure),
  };
}

const skipped = hasWekaFiles ? "" : " (skipped: ../shared/data/weka and weka-subagents are not there)";

describe.skipIf(!hasWekaFiles)(
  `sub-agents in mixes of conversations that were not looked at${skipped}`,
  () => {
    it("are found, and what waits for them, with precision and recall of at least 0.93", () => {
      if (process.env.UPDATE_SUB_AGENTS)
        writeFileSync(REPORT, `${JSON.stringify(reportOf(allMixes("held out")), null, 2)}\n`);
      const { all, spawn_confidence } = reportOf(allMixes("held out", 2));
      for (const { precision, recall } of [all.spawns, all.joins]) {
        expect(precision).toBeGreaterThanOrEqual(0.93);
        expect(recall).toBeGreaterThanOrEqual(0.93);
      }
      expect(spawn_confidence.expected_calibration_error).toBeLessThanOrEqual(0.05);
    }, 60_000);

    it("are what data/sessions/sub-agents.json says over all mixes", () => {
      const { all, by_kind } = JSON.parse(readFileSync(REPORT, "utf8")) as Report;
      const kinds = Object.values(by_kind);
      for (const part of ["spawns", "joins"] as const) {
        expect(kinds.reduce((sum, kind) => sum + kind[part].actual, 0)).toBe(all[part].actual);
        expect(all[part].precision).toBeGreaterThanOrEqual(0.95);
        expect(all[part].recall).toBeGreaterThanOrEqual(0.95);
      }
    });
  },
);

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
