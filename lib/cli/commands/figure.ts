import { basename, join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { InputError } from "../../base/index.js";
import { readCapture, readCaptures } from "../../captures/index.js";
import { summarizeCohorts, tellsTtft } from "../../cohorts/index.js";
import { cacheEffectFigure, DrawingThread, writeFigure } from "../../figure/index.js";
import { fitLatency } from "../../fit/index.js";
import { cacheEffect } from "../../judge/index.js";
import { writeWhole } from "../../output/index.js";
import { sessionsOf, workloadOf } from "../../sessions/index.js";
import { addAnswerFlag } from "../answer-flags.js";
import { comparisonTable } from "../comparison-table.js";
import { addEngineFlags, givenEngineFlags } from "../engine-flags.js";
import { addLatencyFlags, givenLatencyFlags } from "../latency-source.js";
import { addPacingFlags } from "../pacing-flags.js";
import { formatTable, showMs } from "../print-table.js";
import { readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { addSessionFlags, reportSessions, sessionsFromFlags } from "../session-flags.js";
import { enterStage } from "../stage.js";
import { capturedSeriesJson, comparisonJson, replaySeriesJson } from "../summary-json.js";
import { printOut } from "../terminal.js";
import { addTimeoutFlags } from "../timeout-flags.js";
import { traceOrigin } from "../trace-origin.js";
import type { FigureData, FigureSeries } from "./figure-data.js";
import type { FigureModeledFlags } from "./figure-modeled.js";

interface FigureFlags extends FigureModeledFlags {
  readonly real?: string;
  readonly replay?: string;
  readonly nocache?: string;
  readonly capturedNocache?: string;
  readonly published?: boolean;
  readonly arrivalSeed?: number;
  readonly outDir: string;
  readonly json?: boolean;
}

/** The `figure` command: the cache-effect figure. */
export function figureCommand(): Command {
  const command = new Command("figure")
    .description(
      "Draw the cache-effect figure: P(TTFT > x) with the prefix cache on and off, captured and modeled, per turn cohort. Labels say what a trace's meta line says of its source and its cache; where that is silent, the flag counts if it names the cache.",
    )
    .option(
      "--real <trace>",
      "a capture (default: the committed one with the cache on, fitted and replayed here)",
    )
    .option(
      "--format <format>",
      "with --real and a latency model: what the file is, where it is no trace of this tool (see import --help)",
    )
    .option("--replay <trace>", "with --real: its replay")
    .option("--nocache <trace>", "with --real: its replay with the cache off")
    .option("--captured-nocache <trace>", "a capture with the cache off")
    .option(
      "--published",
      "the figure published with vllm-vcr, under its own conditions: its step price, and a client that gives up after 67.4 s",
    )
    .option("--arrival-seed <n>", "with --published: other arrivals than the figure's (0)", parseSeed)
    .option("--out-dir <dir>", "where cache-effect.html, .svg, .png and .json go, or published.*", "out")
    .option("--json", "print one JSON document");
  addEngineFlags(addLatencyFlags(addTimeoutFlags(addSessionFlags(addPacingFlags(addAnswerFlag(command))))));
  return command
    .addHelpText(
      "after",
      `
With --real and a latency model (--latency-trace, --latency-model, --profile, --model-config) the replays with the
cache on and off are made here; the engine's flags are those of replay.

Examples:
  npx prefixlab figure --out-dir out
  npx prefixlab figure --published
  npx prefixlab figure --real mine.jsonl.gz --latency-trace mine-low-load.jsonl.gz
  npx prefixlab figure --real conversation_trace.jsonl --format mooncake --profile h200-qwen3-8b
`,
    )
    .action(runFigure);
}

async function runFigure(flags: FigureFlags): Promise<void> {
  const inputs = [flags.real, flags.replay, flags.nocache, flags.capturedNocache];
  if (flags.published) {
    if (inputs.some((file) => file !== undefined))
      throw new InputError(
        "figure: --published draws its own runs: leave --real, --replay, --nocache and --captured-nocache out",
      );
    const { figurePublishedCommand } = await import("./figure-published.js");
    return figurePublishedCommand(flags);
  }
  if (flags.arrivalSeed !== undefined)
    throw new InputError("figure: --arrival-seed chooses the arrivals of --published: give it with that");
  for (const extension of ["html", "svg", "png", "json"])
    refuseOverwrite(
      join(flags.outDir, `cache-effect.${extension}`),
      inputs.filter((file) => file !== undefined),
    );
  // It loads what draws while the traces are read, and draws while they are compared.
  const thread = new DrawingThread();
  const data = await figureData(flags);
  const options = data.footnote === undefined ? {} : { footnote: data.footnote };
  const figure = cacheEffectFigure(data.series, options);
  const drawn = writeFigure(figure, flags.outDir, "cache-effect", thread.draw);
  const text = `${JSON.stringify(figureJson(data), null, 2)}\n`;
  enterStage("write");
  const files = await drawn;
  const jsonFile = join(flags.outDir, "cache-effect.json");
  await writeWhole(jsonFile, text);
  if (flags.json) {
    printOut(text);
    return;
  }
  for (const line of data.lines ?? []) printOut(`${line}\n`);
  printOut(`${seriesTable(data.series)}\n`);
  for (const [title, comparison] of [
    ["cache on, modeled against captured", data.compared?.on],
    ["cache off, modeled (from the capture with it on alone) against captured", data.compared?.off],
  ] as const) {
    if (comparison && comparison.cells.length > 0) printOut(`${title}\n${comparisonTable(comparison)}\n`);
  }
  printOut(`wrote ${[...Object.values(files), jsonFile].join(", ")}\n`);
}

async function figureData(flags: FigureFlags): Promise<FigureData> {
  const { real } = flags;
  const given = [...givenLatencyFlags(flags), ...givenEngineFlags(flags), ...givenOtherFlags(flags)];
  if (given.length === 0) return real === undefined ? fromCommittedCaptures(flags) : fromTraces(flags);
  if (real === undefined)
    throw new InputError(`figure: ${given.join(", ")} goes with --real TRACE, the trace to replay`);
  const ready = (["replay", "nocache", "capturedNocache"] as const).filter(
    (name) => flags[name] !== undefined,
  );
  if (ready.length > 0)
    throw new InputError(
      `figure: with ${given.join(", ")} the replays of --real are made here: leave --replay, --nocache and --captured-nocache out`,
    );
  const { modeledFigure } = await import("./figure-modeled.js");
  return modeledFigure(real, flags);
}

/** Flags of the replays, beside those of the engine and the latency model, that were given. */
function givenOtherFlags(flags: FigureFlags): string[] {
  const others = [
    "format",
    "replaySessions",
    "openLoop",
    "maxConcurrency",
    "requestTimeout",
    "onTimeout",
  ] as const;
  const given = others
    .filter((name) => flags[name] !== undefined)
    .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  return flags.answerReuse ? given : [...given, "--no-answer-reuse"];
}

async function fromCommittedCaptures(flags: FigureFlags): Promise<FigureData> {
  if (flags.replay !== undefined || flags.nocache !== undefined)
    throw new InputError("--replay and --nocache go with --real TRACE, the capture they belong to");
  const judge = { role: "judge", seed: 1 } as const;
  enterStage("read");
  const [fitSet, captured, capturedOff] = await Promise.all([
    readCaptures({ role: "fit" }),
    readCapture({ ...judge, scenario: "warm" }),
    flags.capturedNocache === undefined
      ? readCapture({ ...judge, scenario: "cold" })
      : readInput(flags.capturedNocache),
  ]);
  enterStage("work");
  const { kind, cache } = traceOrigin(capturedOff.meta);
  if (kind === "modeled" || cache === "on")
    throw new InputError(
      `--captured-nocache ${flags.capturedNocache}: its meta line says that ${kind === "modeled" ? "a replay wrote it" : "the prefix cache was on"}, expected a capture with the cache off; with --real TRACE it is drawn as what it is`,
    );
  const effect = cacheEffect(workloadOf(captured, sessionsFromFlags(flags)), {
    capturedOff,
    model: fitLatency(fitSet).model,
  });
  return {
    series: effect.series.map((one) => ({ ...one, key: `${one.kind}_${one.cache}` })),
    compared: effect,
  };
}

async function fromTraces(flags: FigureFlags): Promise<FigureData> {
  // Only the flags for the cache off have it in their name: the others say nothing of it.
  const wanted = [
    { kind: "captured", named: undefined, usual: "on", path: flags.real },
    { kind: "modeled", named: undefined, usual: "on", path: flags.replay },
    { kind: "captured", named: "off", usual: "off", path: flags.capturedNocache },
    { kind: "modeled", named: "off", usual: "off", path: flags.nocache },
  ] as const;
  const series: FigureSeries[] = [];
  for (const { kind: meant, named, usual, path } of wanted) {
    if (path === undefined) continue;
    const trace = await readInput(path);
    if (!tellsTtft(trace))
      throw new InputError(
        `${path} holds no latencies (no row has a ttft_ms above 0), and the figure is made of them: replay it ` +
          "here, with a latency model (--profile NAME, --latency-trace F or --model-config F --gpu NAME)",
      );
    const sessions = sessionsOf(trace, sessionsFromFlags(flags));
    reportSessions(path, sessions);
    const origin = traceOrigin(trace.meta);
    const [kind, cache] = [origin.kind ?? meant, origin.cache ?? named];
    const again = series.filter((one) => one.kind === kind && one.cache === cache).length;
    const key = `${kind}_${cache ?? usual}`;
    series.push({
      key: series.some((one) => one.key === key) ? `${key}_${series.length + 1}` : key,
      kind,
      cache,
      ...(again > 0 && { label: `${kind} (${basename(path)})` }),
      trace,
      sessions,
    });
  }
  return { series };
}

function figureJson(data: FigureData): Record<string, unknown> {
  return {
    series: Object.fromEntries(data.series.map((s) => [s.key, seriesJson(s)])),
    comparisons: {
      ...(data.compared?.on && { on: comparisonJson(data.compared.on) }),
      ...(data.compared?.off && { off: comparisonJson(data.compared.off) }),
    },
    ...(data.offeredLoad && { offered_load: data.offeredLoad }),
    ...(data.lines && { notes: data.lines }),
  };
}

function seriesJson({ kind, cache, trace, sessions, replay }: FigureSeries): Record<string, unknown> {
  const origin = { kind, cache: cache ?? null };
  if (replay) return { ...origin, ...replaySeriesJson(replay) };
  const endMs = trace.records.reduce(
    (last, r) => Math.max(last, (r.arrivalMs ?? 0) + (r.elapsedMs ?? r.ttftMs ?? 0)),
    0,
  );
  return {
    ...origin,
    ...capturedSeriesJson({ trace, sessions }),
    // A capture runs by the wall clock: what it covered is what it took.
    virtual_s: endMs / 1000,
    wall_s: endMs / 1000,
    seed: trace.meta.extra.seed ?? null,
    pacing: trace.meta.extra.pacing ?? "captured",
    prompts: trace.meta.extra.prompts ?? "captured",
  };
}

function seriesTable(series: readonly FigureSeries[]): string {
  const cohorts = ["turn1", "turns2plus"] as const;
  const rows = cohorts.flatMap((cohort) =>
    series.map((s) => {
      const summary = summarizeCohorts(s)[cohort];
      const { ttftMs, itlMs } = summary;
      return [
        cohort === "turn1" ? "turn 1" : "turns 2+",
        `${s.label ?? s.kind}${s.cache ? `, cache ${s.cache}` : ""}`,
        String(summary.n),
        ...[ttftMs.p50, ttftMs.p90, ttftMs.p99, itlMs.p50, itlMs.p99].map(showMs),
      ];
    }),
  );
  return formatTable(["cohort", "series", "n", "TTFT p50", "p90", "p99", "ITL p50", "p99"], rows);
}

function parseSeed(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError("expected a whole number >= 0");
  return value;
}
