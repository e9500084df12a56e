import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { InputError } from "../../base/index.js";
import { cacheEffectFigure, writeFigure } from "../../figure/index.js";
import { fitLatency } from "../../latency/index.js";
import {
  type CacheEffectSeries,
  type Comparison,
  cacheEffect,
  summarizeCohorts,
} from "../../replay/index.js";
import { sessionsOf } from "../../sessions/index.js";
import { readCapture, readCaptures } from "../../trace/index.js";
import { comparisonTable } from "../comparison-table.js";
import { formatTable, showMs } from "../print-table.js";
import { readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { capturedSeriesJson, comparisonJson, replaySeriesJson } from "../summary-json.js";

interface FigureFlags {
  readonly real?: string;
  readonly replay?: string;
  readonly nocache?: string;
  readonly capturedNocache?: string;
  readonly outDir: string;
  readonly json?: boolean;
}

interface FigureData {
  readonly series: readonly CacheEffectSeries[];
  readonly on?: Comparison;
  readonly off?: Comparison;
}

/** The `figure` command: the cache-effect figure. */
export function figureCommand(): Command {
  return new Command("figure")
    .description(
      "Draw the cache-effect figure: P(TTFT > x) with the prefix cache on and off, captured and modeled, per turn cohort.",
    )
    .option("--real <trace>", "captured, cache on (default: the committed capture, fitted and replayed here)")
    .option("--replay <trace>", "with --real: modeled, cache on")
    .option("--nocache <trace>", "with --real: modeled, cache off")
    .option("--captured-nocache <trace>", "captured, cache off")
    .option("--out-dir <dir>", "where cache-effect.html, .svg, .png and .json go", "out")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  npx prefixlab figure --out-dir out\n")
    .action(runFigure);
}

async function runFigure(flags: FigureFlags): Promise<void> {
  const inputs = [flags.real, flags.replay, flags.nocache, flags.capturedNocache];
  for (const extension of ["html", "svg", "png", "json"])
    refuseOverwrite(
      join(flags.outDir, `cache-effect.${extension}`),
      inputs.filter((file) => file !== undefined),
    );
  const data = flags.real === undefined ? await fromCommittedCaptures(flags) : await fromTraces(flags);
  const document = figureJson(data);
  const text = `${JSON.stringify(document, null, 2)}\n`;
  const files = await writeFigure(cacheEffectFigure(data.series), flags.outDir, "cache-effect");
  const jsonFile = join(flags.outDir, "cache-effect.json");
  await writeFile(jsonFile, text);
  if (flags.json) {
    process.stdout.write(text);
    return;
  }
  process.stdout.write(`${seriesTable(data.series)}\n`);
  for (const [title, comparison] of [
    ["cache on, modeled against captured", data.on],
    ["cache off, modeled (from the warm capture alone) against captured", data.off],
  ] as const) {
    if (comparison) process.stdout.write(`${title}\n${comparisonTable(comparison)}\n`);
  }
  process.stdout.write(`wrote ${[...Object.values(files), jsonFile].join(", ")}\n`);
}

async function fromCommittedCaptures(flags: FigureFlags): Promise<FigureData> {
  if (flags.replay !== undefined || flags.nocache !== undefined)
    throw new InputError("--replay and --nocache go with --real TRACE, the capture they belong to");
  const judge = { role: "judge", seed: 1 } as const;
  const [fitSet, captured, capturedOff] = await Promise.all([
    readCaptures({ role: "fit" }),
    readCapture({ ...judge, scenario: "warm" }),
    flags.capturedNocache === undefined
      ? readCapture({ ...judge, scenario: "cold" })
      : readInput(flags.capturedNocache),
  ]);
  return cacheEffect({ captured, capturedOff, model: fitLatency(fitSet).model });
}

async function fromTraces(flags: FigureFlags): Promise<FigureData> {
  const wanted = [
    ["captured", "on", flags.real],
    ["modeled", "on", flags.replay],
    ["captured", "off", flags.capturedNocache],
    ["modeled", "off", flags.nocache],
  ] as const;
  const series: CacheEffectSeries[] = [];
  for (const [kind, cache, path] of wanted) {
    if (path === undefined) continue;
    const trace = await readInput(path);
    series.push({ kind, cache, trace, sessions: sessionsOf(trace) });
  }
  return { series };
}

function seriesName({ kind, cache }: CacheEffectSeries): string {
  return `${kind}_${cache}`;
}

function figureJson(data: FigureData): Record<string, unknown> {
  return {
    series: Object.fromEntries(data.series.map((s) => [seriesName(s), seriesJson(s)])),
    comparisons: {
      ...(data.on && { on: comparisonJson(data.on) }),
      ...(data.off && { off: comparisonJson(data.off) }),
    },
  };
}

function seriesJson({ trace, sessions, replay }: CacheEffectSeries): Record<string, unknown> {
  if (replay) return replaySeriesJson(replay, sessions);
  const endMs = trace.records.reduce(
    (last, r) => Math.max(last, (r.arrivalMs ?? 0) + (r.elapsedMs ?? r.ttftMs ?? 0)),
    0,
  );
  return {
    ...capturedSeriesJson(trace, sessions),
    // A capture runs by the wall clock: what it covered is what it took.
    virtual_s: endMs / 1000,
    wall_s: endMs / 1000,
    seed: trace.meta.extra.seed ?? null,
    pacing: "captured",
    prompts: "captured",
  };
}

function seriesTable(series: readonly CacheEffectSeries[]): string {
  const cohorts = ["turn1", "turns2plus"] as const;
  const rows = cohorts.flatMap((cohort) =>
    series.map((s) => {
      const summary = summarizeCohorts(s.trace, s.sessions)[cohort];
      const { ttftMs, itlMs } = summary;
      return [
        cohort === "turn1" ? "turn 1" : "turns 2+",
        `${s.kind}, cache ${s.cache}`,
        String(summary.n),
        ...[ttftMs.p50, ttftMs.p90, ttftMs.p99, itlMs.p50, itlMs.p99].map(showMs),
      ];
    }),
  );
  return formatTable(["cohort", "series", "n", "TTFT p50", "p90", "p99", "ITL p50", "p99"], rows);
}
