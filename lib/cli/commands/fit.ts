import { Command, Option } from "commander";
import { InputError } from "../../base/index.js";
import { type Calibration, calibrateLatency } from "../../calibrate/index.js";
import type { FitReport, LatencyKind } from "../../fit/index.js";
import type { StepCombination } from "../../latency/index.js";
import type { Trace } from "../../trace/index.js";
import { inSampleTable, suppositionLines } from "../calibration-text.js";
import { parseCount } from "../engine-flags.js";
import { writeJsonFile } from "../json-file.js";
import { formatTable, showPercent } from "../print-table.js";
import { readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { statisticJson } from "../summary-json.js";
import { printErr, printOut } from "../terminal.js";

interface FitFlags {
  readonly maxNumBatchedTokens?: number;
  readonly longPrefillTokenThreshold?: number;
  readonly kind?: LatencyKind;
  readonly form?: StepCombination;
  readonly asyncScheduling?: boolean;
  readonly first?: number;
  readonly skip?: number;
  readonly out?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `fit` command: a latency model, with its report. */
export function fitCommand(): Command {
  return new Command("fit")
    .description(
      "Fit a latency model on traces of one engine, decide by replaying what they do not tell of it, and report what it rests on.",
    )
    .argument("<trace...>", "traces to fit on: low load, many prompt sizes, several concurrencies")
    .option(
      "--max-num-batched-tokens <n>",
      "the engine's token budget a step (default: the capture's, else the best of 512 to 16384)",
      parseCount,
    )
    .option("--long-prefill-token-threshold <n>", "longest chunk of one prefill in a step", parseCount)
    .addOption(new Option("--kind <kind>", "model (default: physical)").choices(["physical", "empirical"]))
    .addOption(
      new Option(
        "--form <form>",
        "a step costs the sum of its parts, or the longer of its pass and its prefills (default: whichever replays better)",
      ).choices(["sum", "max"]),
    )
    .option(
      "--async-scheduling",
      "a step is composed while the one before it runs (default: as the capture tells or shows)",
    )
    .option("--no-async-scheduling", "the contrary of --async-scheduling")
    .option(
      "--first <n>",
      "fit on the first n rows of each trace; the others only load the engine",
      parseCount,
    )
    .option("--skip <n>", "fit on all but the first n rows of each trace", parseCount)
    .option("--out <file>", "write the model as JSON (.gz allowed)")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document: the report and the model")
    .addHelpText(
      "after",
      `
Examples, a model of the committed captures' engine, and one of the first 150 requests of a trace, judged on the others:
  npx prefixlab fit data/fit-sweep-1.jsonl.gz --out model.json
  npx prefixlab fit run.jsonl.gz --first 150 --out model.json
  npx prefixlab replay run.jsonl.gz --latency-model model.json --judge-after 150
`,
    )
    .action(runFit);
}

async function runFit(paths: readonly string[], flags: FitFlags): Promise<void> {
  refuseOverwrite(flags.out, paths);
  if (flags.form !== undefined && flags.kind === "empirical")
    throw new InputError(
      "fit: --form says how the prices of a physical model add up, an empirical one has none: leave out --form or --kind empirical",
    );
  const traces: Trace[] = [];
  for (const path of paths) traces.push(await readInput(path, { strict: flags.strict ?? false }));
  if (flags.first !== undefined && flags.skip !== undefined)
    throw new InputError("fit: --first and --skip each choose the rows to fit on: give one of them");
  const { first = Number.POSITIVE_INFINITY, skip = 0 } = flags;
  const fit = calibrateLatency(traces, {
    ...(flags.kind !== undefined && { kind: flags.kind }),
    ...(flags.form !== undefined && { form: { combine: flags.form, expertShare: 0 } }),
    ...(flags.asyncScheduling !== undefined && { asyncScheduling: flags.asyncScheduling }),
    ...(flags.maxNumBatchedTokens !== undefined && { maxNumBatchedTokens: flags.maxNumBatchedTokens }),
    ...(flags.longPrefillTokenThreshold !== undefined && {
      longPrefillTokenThreshold: flags.longPrefillTokenThreshold,
    }),
    isFitted: (_, index) => index >= skip && index < first,
  });
  if (flags.out !== undefined) await writeJsonFile(flags.out, fit.model.toJson());
  const text = [inSampleTable(fit, paths), ...suppositionLines(fit), "", fitReportText(fit.report)].join(
    "\n",
  );
  printOut(flags.json ? `${JSON.stringify(fitJson(fit), null, 1)}\n` : text);
  if (flags.out !== undefined) printErr(`model written to ${flags.out}\n`);
}

function fitJson({
  model,
  report,
  supposed,
  from,
  tried,
  scheduling,
  inSample,
}: Calibration): Record<string, unknown> {
  const { range } = report;
  return {
    in_sample: inSample.map((cells) => cells.map(statisticJson)),
    form: { value: supposed.form.combine, from: from.form, expert_share: supposed.form.expertShare },
    async_scheduling: {
      value: supposed.asyncScheduling,
      from: from.asyncScheduling,
      ...(scheduling && {
        by: scheduling.by,
        distance_synchronous: scheduling.synchronous,
        distance_asynchronous: scheduling.asynchronous,
      }),
    },
    max_num_batched_tokens: { value: supposed.maxNumBatchedTokens, from: from.maxNumBatchedTokens },
    tried: tried.map(({ form, asyncScheduling, maxNumBatchedTokens, heldOutError }) => ({
      form: form.combine,
      expert_share: form.expertShare,
      async_scheduling: asyncScheduling,
      max_num_batched_tokens: maxNumBatchedTokens,
      held_out_error: heldOutError,
    })),
    kind: report.kind,
    range: {
      uncached_tokens: range.uncachedTokens,
      context_tokens: range.contextTokens,
      running_seqs: range.runningSeqs,
    },
    coefficients: report.coefficients,
    identified: Object.fromEntries(
      report.coefficients.flatMap(({ name, identified }) =>
        identified === undefined ? [] : [[name, identified]],
      ),
    ),
    used: report.used,
    trimmed: report.trimmed,
    left_out: report.leftOut,
    residuals: report.residuals.map(({ of, n, rSquared, relative }) => ({
      of,
      n,
      r_squared: rSquared ?? null,
      relative,
    })),
    warnings: report.warnings,
    model: model.toJson(),
  };
}

function fitReportText(report: FitReport): string {
  const { range } = report;
  const span = ([low, high]: readonly [number, number]): string => `${low} to ${high}`;
  const used = Object.entries(report.used).map(([kind, n]) => `${n} ${kind}`);
  return [
    `${report.kind} model, fitted on ${used.join(", ")} (${report.trimmed} of them trimmed as strays)`,
    `fit range: ${span(range.uncachedTokens)} uncached tokens, ${span(range.contextTokens)} context tokens, ${span(range.runningSeqs)} running sequences`,
    "",
    formatTable(
      ["coefficient", "value", "unit", "paid for"],
      report.coefficients.map(({ name, value, unit, meaning, identified }) => [
        `${name}${identified === false ? " ?" : ""}`,
        String(Number(value.toPrecision(4))),
        unit,
        meaning,
      ]),
    ),
    ...(report.coefficients.some(({ identified }) => identified === false)
      ? ["?: these traces do not tell it apart from the others\n"]
      : []),
    formatTable(
      ["observed / predicted - 1", "n", "R2", "5 %", "median", "95 %"],
      report.residuals.map(({ of, n, rSquared, relative }) => [
        of,
        String(n),
        rSquared === undefined ? "-" : rSquared.toFixed(3),
        showPercent(relative.p05),
        showPercent(relative.p50),
        showPercent(relative.p95),
      ]),
    ),
    ...(report.leftOut.length === 0
      ? []
      : [
          formatTable(
            ["left out", "why"],
            report.leftOut.map(({ reason, count }) => [String(count), reason]),
          ),
        ]),
    ...report.warnings.map((warning) => `note: ${warning}\n`),
  ].join("\n");
}
