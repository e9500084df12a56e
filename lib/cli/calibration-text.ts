import { basename } from "node:path";
import type { Calibration, Supposition } from "../calibrate/index.js";
import { formatTable, showError, showMs } from "./print-table.js";

const inSampleStatistics = ["mean", "p50", "p90", "p99"] as const;

/** How far the model is from the data that it was fitted on, a line a trace: nobody should learn that from a prediction. */
export function inSampleTable({ inSample }: Calibration, paths: readonly string[]): string {
  const rows = inSample.flatMap((cells, k) =>
    (["ttft", "tpot"] as const).flatMap((quantity) => {
      const own = cells.filter((cell) => cell.quantity === quantity);
      if (own.length === 0) return [];
      return [
        [
          basename(paths[k] ?? ""),
          quantity.toUpperCase(),
          ...inSampleStatistics.map((statistic) => {
            const cell = own.find((c) => c.statistic === statistic);
            return cell ? `${showMs(cell.capturedMs)} ${showError(cell.error)}` : "-";
          }),
        ],
      ];
    }),
  );
  return rows.length === 0
    ? "in sample: not known: a trace where some row has no arrival, or with cached tokens but no block hashes, cannot be replayed as it was\n"
    : formatTable(["in sample: captured, replayed", "", ...inSampleStatistics], rows);
}

/** What the model supposes of the engine, where that is from, and what else was tried. */
export function suppositionLines({ supposed, from, tried, scheduling, report }: Calibration): string[] {
  const budget = `token budget: ${supposed.maxNumBatchedTokens} (${from.maxNumBatchedTokens})`;
  const lines = [
    `scheduling: ${schedulingWord(supposed.asyncScheduling)} (${from.asyncScheduling}${
      scheduling
        ? ` by ${scheduling.by}: ${scheduling.synchronous.toFixed(2)} from the captures if synchronous, ${scheduling.asynchronous.toFixed(2)} if asynchronous`
        : ""
    })`,
    // An empirical model draws its steps and has no form.
    report.kind === "empirical" ? budget : `form of a step: ${formName(supposed)} (${from.form}); ${budget}`,
  ];
  if (tried.length > 0)
    lines.push(
      `tried, with the error of replays on the records left out: ${tried
        .map((t) => `${nameOf(t, tried)} ${(100 * t.heldOutError).toFixed(1)} %`)
        .join(", ")}`,
    );
  return lines;
}

/** How an engine schedules, in a word. */
export function schedulingWord(isAsync: boolean): string {
  return isAsync ? "asynchronous" : "synchronous";
}

function formName({ form }: Pick<Supposition, "form">): string {
  return form.expertShare > 0 ? `${form.combine}, mixture of experts` : form.combine;
}

/** A supposition by the parts that differ among those tried. */
function nameOf(t: Supposition, tried: readonly Supposition[]): string {
  const differs = (of: (s: Supposition) => unknown) => tried.some((other) => of(other) !== of(t));
  return [
    ...(differs((s) => s.form) ? [formName(t)] : []),
    ...(differs((s) => s.asyncScheduling) ? [schedulingWord(t.asyncScheduling)] : []),
    ...(differs((s) => s.maxNumBatchedTokens) ? [String(t.maxNumBatchedTokens)] : []),
  ].join(" ");
}
