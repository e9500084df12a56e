import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { mean, quantile } from "../../base/index.js";
import {
  type CommittedCapture,
  committedCaptures,
  dataDir,
  engineName,
  readCapture,
  readCaptures,
} from "../../captures/index.js";
import { ttftSurvival } from "../../cohorts/index.js";
import { pacingChart, renderPng } from "../../figure/index.js";
import { fitLatency, type LatencyKind } from "../../fit/index.js";
import {
  alignTraces,
  type ErrorCell,
  type JudgedCapture,
  scenarioAccuracy,
  seedNoise,
  slowBandMass,
} from "../../judge/index.js";
import type { LatencyModel } from "../../latency/index.js";
import { type Replay, replay } from "../../replay/index.js";
import { inferSessions, type Sessions } from "../../sessions/index.js";
import { readTrace } from "../../trace/files/index.js";
import type { Trace } from "../../trace/index.js";
import { accuracyPage, type ScenarioReport } from "../accuracy-page.js";
import { parseCount } from "../engine-flags.js";
import { type HalfRun, judgeServingSimRuns } from "../half-judged-runs.js";

interface AccuracyFlags {
  readonly seeds: number;
  readonly out?: string;
  readonly llmservingsim?: string;
  readonly json?: boolean;
}

/** A scenario to judge: which captures, what is replayed for them, and the floor of the error that holds. */
interface Scenario {
  readonly title: string;
  readonly engine: "vLLM" | "llama.cpp";
  readonly judged: string;
  /** The capture that is replayed, where it is not the judged one itself: the counterfactual. */
  readonly replayed?: string;
  readonly cache: "on" | "off";
  readonly pacing: "session" | "open-loop";
}

const scenarios: readonly Scenario[] = [
  { title: "warm multiturn", engine: "vLLM", judged: "warm", cache: "on", pacing: "session" },
  {
    title: "cold multiturn, predicted from the warm capture",
    engine: "vLLM",
    judged: "cold",
    replayed: "warm",
    cache: "off",
    pacing: "session",
  },
  {
    title: "cold multiturn, replayed from itself",
    engine: "vLLM",
    judged: "cold",
    cache: "off",
    pacing: "session",
  },
  { title: "low-rate cold multiturn", engine: "vLLM", judged: "low-rate", cache: "off", pacing: "session" },
  { title: "poisson", engine: "vLLM", judged: "poisson", cache: "on", pacing: "open-loop" },
  { title: "burst", engine: "vLLM", judged: "burst", cache: "on", pacing: "open-loop" },
  { title: "staircase", engine: "vLLM", judged: "staircase", cache: "on", pacing: "open-loop" },
  { title: "llama.cpp, warm multiturn", engine: "llama.cpp", judged: "warm", cache: "on", pacing: "session" },
  {
    title: "llama.cpp, cold multiturn, predicted from the warm capture",
    engine: "llama.cpp",
    judged: "cold",
    replayed: "warm",
    cache: "off",
    pacing: "session",
  },
];

/** The `accuracy` command: the model against every committed capture that it was not fitted on. */
export function accuracyCommand(): Command {
  return new Command("accuracy")
    .description("Judge the latency models on every committed capture that they were not fitted on.")
    .option("--seeds <n>", "model seeds to average over", parseCount, 3)
    .option("--llmservingsim <dir>", "also judge the vLLM runs of casys-kaist/LLMServingSim, bench/examples")
    .option("--out <file>", "write the page as Markdown, and its figures beside it")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nExample, the page in data/:\n  npx prefixlab accuracy --llmservingsim ../shared/data/llmservingsim --out data/ACCURACY.md\n",
    )
    .action(runAccuracy);
}

async function runAccuracy(flags: AccuracyFlags): Promise<void> {
  const inventory = await committedCaptures();
  const fitSets = {
    vLLM: await readCaptures({ role: "fit" }),
    "llama.cpp": await readCaptures({ role: "fit", engine: "llama.cpp" }),
  };
  const kinds: readonly LatencyKind[] = ["physical", "empirical"];
  const reports: ScenarioReport[] = [];
  const captures = new Map<string, { trace: Trace; sessions: Sessions }>();
  const load = async (entry: CommittedCapture) => {
    const known = captures.get(entry.file);
    if (known) return known;
    const trace = await readTrace(join(dataDir(), entry.file));
    const loaded = { trace, sessions: inferSessions(trace) };
    captures.set(entry.file, loaded);
    return loaded;
  };
  const slowMs = slowBandThresholdMs(fitSets.vLLM);
  for (const kind of kinds) {
    const models = {
      vLLM: fitLatency(fitSets.vLLM, { kind }).model,
      "llama.cpp": fitLatency(fitSets["llama.cpp"], { kind }).model,
    };
    for (const scenario of scenarios) {
      const captured = inventory.filter((e) => engineName(e) === scenario.engine);
      const entries = captured.filter((e) => e.role === "judge" && e.scenario === scenario.judged);
      if (entries.length === 0) continue;
      process.stderr.write(`${kind}: ${scenario.title}\n`);
      const judged: JudgedCapture[] = [];
      for (const entry of entries) {
        const source =
          captured.find((e) => e.scenario === scenario.replayed && e.seed === entry.seed) ?? entry;
        judged.push(
          judge(await load(entry), await load(source), scenario, models[scenario.engine], flags.seeds),
        );
      }
      const accuracy = scenarioAccuracy(judged, allowanceOf(scenario));
      reports.push({
        kind,
        title: scenario.title,
        cache: scenario.cache,
        accuracy,
        slowBand: slowBand(judged, slowMs),
      });
    }
  }
  const noise = await noiseOf(inventory, load);
  const pacing = await coldPacing(fitLatency(fitSets.vLLM).model);
  const figureDir = flags.out === undefined ? undefined : dirname(flags.out);
  if (figureDir !== undefined)
    await writeFile(join(figureDir, "cold-pacing.png"), await renderPng(pacingChart(pacing.chart)));
  const halves =
    flags.llmservingsim === undefined ? [] : await judgeServingSimRuns(flags.llmservingsim, figureDir);
  if (flags.json) {
    process.stdout.write(
      `${JSON.stringify({ seeds: flags.seeds, slow_band_ms: slowMs, scenarios: reports.map(reportJson), halves: halves.map(halfJson), noise }, null, 1)}\n`,
    );
    return;
  }
  const page = accuracyPage({ inventory, reports, noise, halves, pacing, seeds: flags.seeds, slowMs });
  if (flags.out !== undefined) await writeFile(flags.out, page);
  else process.stdout.write(page);
}

/**
 * With the cache off a schedule's queue makes the numbers, which differ from seed to seed by more than any model's
 * error: 10 %. Else the larger of 3 % (p99: 10 %) and the spread.
 */
function allowanceOf(scenario: Scenario): (cell: ErrorCell, seedSpread?: number) => number {
  if (scenario.cache === "off") return () => 0.1;
  return ({ quantile: p }, seedSpread = 0) => Math.max(p > 0.9 ? 0.1 : 0.03, seedSpread);
}

function judge(
  target: { trace: Trace; sessions: Sessions },
  source: { trace: Trace; sessions: Sessions },
  scenario: Scenario,
  model: LatencyModel,
  seeds: number,
): JudgedCapture {
  const replays = Array.from(
    { length: seeds },
    (_, k): Replay =>
      replay({
        ...source,
        model,
        pacing: scenario.pacing,
        engine: { enablePrefixCaching: scenario.cache === "on" },
        seed: k + 1,
      }),
  );
  const captured = target === source ? target.trace : alignTraces(source.trace, target.trace);
  return {
    captured: captured ?? target.trace,
    sessions: source.sessions,
    modeled: replays.map((r) => r.trace),
    busyFraction: replays.reduce((sum, r) => sum + r.run.busyMs / r.virtualMs, 0) / seeds,
  };
}

/** Three times the median gap of a decode that has the engine to itself: no clean decode of the captures is as long. */
function slowBandThresholdMs(fitSet: readonly Trace[]): number {
  const alone = fitSet.flatMap((trace) =>
    trace.records
      .filter((r) => r.concurrency === 1 && r.itlMs)
      .flatMap((r) => [...(r.itlMs as Float64Array)]),
  );
  return 3 * (quantile(alone, 0.5) ?? 0);
}

function slowBand(
  judged: readonly JudgedCapture[],
  thresholdMs: number,
): { captured?: number; modeled?: number } {
  const captured = mean(
    judged.flatMap((j) => slowBandMass(j.captured, j.sessions, "all", thresholdMs) ?? []),
  );
  const modeled = mean(
    judged.flatMap((j) => j.modeled.flatMap((m) => slowBandMass(m, j.sessions, "all", thresholdMs) ?? [])),
  );
  return { ...(captured !== undefined && { captured }), ...(modeled !== undefined && { modeled }) };
}

/** The cold scenario under both ways of pacing, beside the capture: medians of turns 2+ and the curves. */
async function coldPacing(model: LatencyModel) {
  const judge = { role: "judge", seed: 1 } as const;
  const warm = await readCapture({ ...judge, scenario: "warm" });
  const sessions = inferSessions(warm);
  const engine = { enablePrefixCaching: false };
  const run = (pacing: "session" | "open-loop"): Trace =>
    replay({ trace: warm, sessions, model, engine, pacing }).trace;
  const cold = await readCapture({ ...judge, scenario: "cold" });
  const of = (trace: Trace) =>
    ttftSurvival(trace, trace === cold ? inferSessions(cold) : sessions, "turns2plus");
  const [captured, sessionPaced, openLoop] = [of(cold), of(run("session")), of(run("open-loop"))];
  return {
    medianMs: {
      captured: captured.medianMs,
      sessionPaced: sessionPaced.medianMs,
      openLoop: openLoop.medianMs,
    },
    chart: {
      title: "Cache off, turns 2+: pacing decides the answer",
      captured: captured.curve,
      sessionPaced: sessionPaced.curve,
      openLoop: openLoop.curve,
    },
  };
}

async function noiseOf(
  inventory: readonly CommittedCapture[],
  load: (entry: CommittedCapture) => Promise<{ trace: Trace; sessions: Sessions }>,
) {
  const table = [];
  for (const scenario of ["warm", "cold", "low-rate"]) {
    const entries = inventory.filter(
      (e) => e.role === "judge" && e.scenario === scenario && engineName(e) === "vLLM",
    );
    if (entries.length < 2) continue;
    const captures = [];
    for (const entry of entries) {
      const { trace, sessions } = await load(entry);
      captures.push({ captured: trace, sessions });
    }
    table.push({ scenario, captures: entries.length, cells: seedNoise(captures) });
  }
  return table;
}

function reportJson({
  kind,
  title,
  cache,
  accuracy,
  slowBand: band,
}: ScenarioReport): Record<string, unknown> {
  return {
    model: kind,
    scenario: title,
    cache,
    captures: accuracy.captures,
    busy_fraction: accuracy.busyFraction,
    cached_tokens: accuracy.pooled.cachedTokens,
    curves: accuracy.pooled.curves,
    slow_band: band,
    cells: accuracy.cells,
  };
}

function halfJson({
  name,
  cells,
  fittedRequests,
  judgedRequests,
  replay: { run },
}: HalfRun): Record<string, unknown> {
  return { name, fitted: fittedRequests, judged: judgedRequests, preemptions: run.preemptions, cells };
}
