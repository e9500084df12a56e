import { Command, Option } from "commander";
import { type FitReport, fitLatency, type LatencyFit, type LatencyKind } from "../../fit/index.js";
import type { Trace } from "../../trace/index.js";
import { parseCount } from "../engine-flags.js";
import { writeJsonFile } from "../json-file.js";
import { formatTable } from "../print-table.js";
import { readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";

interface FitFlags {
  readonly maxNumBatchedTokens?: number;
  readonly longPrefillTokenThreshold?: number;
  readonly kind?: LatencyKind;
  readonly out?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `fit` command: a latency model, with its report. */
export function fitCommand(): Command {
  return new Command("fit")
    .description("Fit a latency model on traces of one engine, and report what it rests on.")
    .argument("<trace...>", "traces to fit on: low load, many prompt sizes, several concurrencies")
    .option(
      "--max-num-batched-tokens <n>",
      "the engine's token budget a step (default: the capture's, else 2048)",
      parseCount,
    )
    .option("--long-prefill-token-threshold <n>", "longest chunk of one prefill in a step", parseCount)
    .addOption(new Option("--kind <kind>", "model (default: physical)").choices(["physical", "empirical"]))
    .option("--out <file>", "write the model as JSON (.gz allowed)")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document: the report and the model")
    .addHelpText("after", "\nExample:\n  npx prefixlab fit data/fit-sweep-1.jsonl.gz --out model.json\n")
    .action(runFit);
}

async function runFit(paths: readonly string[], flags: FitFlags): Promise<void> {
  refuseOverwrite(flags.out, paths);
  const traces: Trace[] = [];
  for (const path of paths) traces.push(await readInput(path, { strict: flags.strict ?? false }));
  const fit = fitLatency(traces, {
    ...(flags.kind !== undefined && { kind: flags.kind }),
    ...(flags.maxNumBatchedTokens !== undefined && { maxNumBatchedTokens: flags.maxNumBatchedTokens }),
    ...(flags.longPrefillTokenThreshold !== undefined && {
      longPrefillTokenThreshold: flags.longPrefillTokenThreshold,
    }),
  });
  if (flags.out !== undefined) await writeJsonFile(flags.out, fit.model.toJson());
  process.stdout.write(flags.json ? `${JSON.stringify(fitJson(fit), null, 1)}\n` : fitReportText(fit.report));
  if (flags.out !== undefined) process.stderr.write(`model written to ${flags.out}\n`);
}

function fitJson({ model, report }: LatencyFit): Record<string, unknown> {
  const { range } = report;
  return {
    kind: report.kind,
    range: {
      uncached_tokens: range.uncachedTokens,
      context_tokens: range.contextTokens,
      running_seqs: range.runningSeqs,
    },
    coefficients: report.coefficients,
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
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    `${report.kind} model, fitted on ${used.join(", ")} (${report.trimmed} of them trimmed as strays)`,
    `fit range: ${span(range.uncachedTokens)} uncached tokens, ${span(range.contextTokens)} context tokens, ${span(range.runningSeqs)} running sequences`,
    "",
    formatTable(
      ["coefficient", "value", "unit", "paid for"],
      report.coefficients.map(({ name, value, unit, meaning }) => [
        name,
        String(Number(value.toPrecision(4))),
        unit,
        meaning,
      ]),
    ),
    formatTable(
      ["observed / predicted - 1", "n", "R2", "5 %", "median", "95 %"],
      report.residuals.map(({ of, n, rSquared, relative }) => [
        of,
        String(n),
        rSquared === undefined ? "-" : rSquared.toFixed(3),
        percent(relative.p05),
        percent(relative.p50),
        percent(relative.p95),
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
