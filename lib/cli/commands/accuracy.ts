import { dirname, join } from "node:path";
import { Command } from "commander";
import { calibrateLatency } from "../../calibrate/index.js";
import { committedCaptures } from "../../captures/index.js";
import { pacingChart, renderPng } from "../../figure/index.js";
import {
  type AccuracyCell,
  type AccuracyReport,
  judgeCaptures,
  type PacingComparison,
  type ScenarioReport,
  type StartAccuracy,
  type StartSpeed,
} from "../../judge/index.js";
import { writeWhole } from "../../output/index.js";
import { accuracyPage } from "../accuracy-page.js";
import { parseCount } from "../engine-flags.js";
import { type HalfRun, judgeServingSimRuns, type RefusedRun } from "../half-judged-runs.js";
import { readJudged } from "../read-judged.js";
import { cellJson, comparisonJson, quantityKey, statisticJson } from "../summary-json.js";
import { printErr, printOut } from "../terminal.js";

interface AccuracyFlags {
  readonly seeds: number;
  readonly out?: string;
  readonly llmservingsim: readonly string[];
  readonly json?: boolean;
}

/** The `accuracy` command: the model against every committed capture that it was not fitted on. */
export function accuracyCommand(): Command {
  return new Command("accuracy")
    .description("Judge the latency models on every committed capture that they were not fitted on.")
    .option("--seeds <n>", "model seeds to average over", parseCount, 3)
    .option(
      "--llmservingsim <dir>",
      "also judge the vLLM runs of casys-kaist/LLMServingSim, bench/examples (repeatable)",
      (dir: string, before: readonly string[]) => [...before, dir],
      [],
    )
    .option("--out <file>", "write the page as Markdown, and its figures beside it")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nExample, the page in data/:\n  npx prefixlab accuracy --llmservingsim ../shared/data/llmservingsim --llmservingsim ../shared/data/llmservingsim-qwen3 --out data/ACCURACY.md\n",
    )
    .action(runAccuracy);
}

async function runAccuracy(flags: AccuracyFlags): Promise<void> {
  const inventory = await committedCaptures();
  const report = judgeCaptures({
    ...(await readJudged(inventory)),
    seeds: flags.seeds,
    fit: calibrateLatency,
    onScenario: (kind, { title }) => printErr(`${kind}: ${title}\n`),
  });
  const figureDir = flags.out === undefined ? undefined : dirname(flags.out);
  if (figureDir !== undefined && report.pacing)
    await writeWhole(join(figureDir, "cold-pacing.png"), await renderPacing(report.pacing));
  const runs: HalfRun[] = [];
  const refused: RefusedRun[] = [];
  for (const dir of flags.llmservingsim) {
    const judged = await judgeServingSimRuns(dir, figureDir);
    runs.push(...judged.runs);
    refused.push(...judged.refused);
  }
  if (flags.json) {
    printOut(`${JSON.stringify(accuracyJson(report, runs, refused), null, 1)}\n`);
    return;
  }
  const page = accuracyPage({ inventory, report, halves: runs, refused, publicDirs: flags.llmservingsim });
  if (flags.out !== undefined) await writeWhole(flags.out, page);
  else printOut(page);
}

async function renderPacing({ captured, sessionPaced, openLoop }: PacingComparison): Promise<Uint8Array> {
  return renderPng(
    pacingChart({
      title: "Cache off, turns 2+: pacing decides the answer",
      captured: captured.curve,
      sessionPaced: sessionPaced.curve,
      openLoop: openLoop.curve,
    }),
  );
}

function accuracyJson(
  report: AccuracyReport,
  halves: readonly HalfRun[],
  refused: readonly RefusedRun[],
): Record<string, unknown> {
  return {
    seeds: report.seeds,
    slow_band_ms: report.slowMs,
    scenarios: report.scenarios.map(scenarioJson),
    halves: halves.map(halfJson),
    refused,
    noise: report.noise.map(({ scenario, captures, cells }) => ({
      scenario,
      captures,
      cells: cells.map((cell) => ({
        group: cell.group,
        quantity: quantityKey(cell),
        quantile: cell.quantile,
        captured_ms: cell.valuesMs,
        spread: cell.spread,
      })),
    })),
  };
}

function scenarioJson({
  kind,
  scenario: { title, cache },
  accuracy,
  slowBand,
  waited,
  fit,
  otherScheduling,
  start,
}: ScenarioReport): Record<string, unknown> {
  const { curves, cached_tokens } = comparisonJson(accuracy.pooled);
  return {
    model: kind,
    scenario: title,
    cache,
    captures: accuracy.captures,
    busy_fraction: accuracy.busyFraction,
    cached_tokens,
    curves,
    slow_band: slowBand,
    steps_waited: waited,
    async_scheduling: fit.model.fittedAt?.asyncScheduling ?? null,
    cells: accuracy.cells.map(accuracyCellJson),
    ...(otherScheduling && { cells_scheduled_the_other_way: otherScheduling.cells.map(accuracyCellJson) }),
    ...(start && { start: startJson(start) }),
  };
}

function accuracyCellJson(cell: AccuracyCell): Record<string, unknown> {
  return {
    group: cell.group,
    quantity: quantityKey(cell),
    quantile: cell.quantile,
    ...cellJson(cell),
    seed_spread: cell.seedSpread ?? null,
    allowed: cell.allowed,
    holds: cell.holds,
  };
}

function startJson({ captures, cells }: StartAccuracy): Record<string, unknown> {
  const speedJson = ({ prefill, decode, requests, untilMs }: StartSpeed) => ({
    prefill,
    decode,
    requests,
    until_ms: untilMs,
  });
  return {
    captures: captures.map(({ capture, first, later }) => ({
      seed: capture.seed,
      first: speedJson(first),
      later: later ? speedJson(later) : null,
    })),
    cells: cells.map((cell) => ({
      quantity: quantityKey(cell),
      quantile: cell.quantile,
      n: cell.n,
      error: cell.error,
      error_at_first_speed: cell.atFirstSpeed,
      error_at_lasting_speed: cell.atLastingSpeed,
      error_at_later_speed: cell.atLaterSpeed ?? null,
    })),
  };
}

function halfJson({
  name,
  cells,
  fittedRequests,
  judgedRequests,
  replay: { run },
}: HalfRun): Record<string, unknown> {
  return {
    name,
    fitted: fittedRequests,
    judged: judgedRequests,
    preemptions: run.preemptions,
    cells: cells.map(statisticJson),
  };
}
