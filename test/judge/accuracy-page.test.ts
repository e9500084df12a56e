import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { calibrateLatency } from "../../lib/calibrate/index.js";
import { committedCaptures } from "../../lib/captures/index.js";
import { accuracyPage } from "../../lib/cli/accuracy-page.js";
import { judgeServingSimRuns } from "../../lib/cli/half-judged-runs.js";
import { readJudged } from "../../lib/cli/read-judged.js";
import { judgeCaptures } from "../../lib/judge/index.js";
import { fromRoot } from "../cli/run-cli.js";

const publicDirs = ["../shared/data/llmservingsim", "../shared/data/llmservingsim-qwen3"];
const pathOf = (dir: string) => fromRoot(...dir.split("/"));
const arePublic = publicDirs.every((dir) => existsSync(pathOf(dir)));
const committed = readFileSync(new URL("../../data/ACCURACY.md", import.meta.url), "utf8");

/** A page in sections: what is before its first heading, and each heading with what is under it. */
function sectionsOf(page: string): string[] {
  return page.split(/^(?=## )/m);
}

const isPublic = (section: string): boolean => section.startsWith("## Public vLLM");

describe("data/ACCURACY.md is what the code says", () => {
  let made: string;

  beforeAll(async () => {
    const inventory = await committedCaptures();
    const report = judgeCaptures({ ...(await readJudged(inventory)), seeds: 3, fit: calibrateLatency });
    const dirs = arePublic ? publicDirs : [];
    const judged = [];
    for (const dir of dirs) judged.push(await judgeServingSimRuns(pathOf(dir)));
    made = accuracyPage({
      inventory,
      report,
      halves: judged.flatMap(({ runs }) => runs),
      refused: judged.flatMap(({ refused }) => refused),
      publicDirs: dirs,
    });
  }, 300_000);

  it("of the committed captures: every section but that of the public runs", () => {
    // The head names the command, which differs where the public runs are not there.
    const [head, ...sections] = sectionsOf(committed).filter((section) => !isPublic(section));
    const [madeHead, ...madeSections] = sectionsOf(made).filter((section) => !isPublic(section));
    const told = (text: string) => text.replace(/ --llmservingsim \S+/g, "");
    expect(told(madeHead!)).toBe(told(head!));
    expect(madeSections.length).toBeGreaterThan(20);
    madeSections.forEach((section, i) => {
      expect(section).toBe(sections[i]);
    });
    expect(sections).toHaveLength(madeSections.length);
  });

  it.skipIf(!arePublic)(
    "of the public vLLM runs too (skipped where ../shared/data/llmservingsim and -qwen3 are not there to be read)",
    () => {
      expect(made).toBe(committed);
    },
  );
});
