import { readFileSync } from "node:fs";
import { quantile } from "../../lib/base/index.js";
import type { LatencyModel } from "../../lib/latency/index.js";
import { simulateSessions } from "../../lib/replay/index.js";
import { fromRoot } from "../cli/run-cli.js";

/** Quantiles of TTFT of a real H200 with its cache off, as they were read off its published curve, ms. */
export function capturedTtftMs(csv: string): (quantile: string) => number {
  const rows = readFileSync(csv, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  return (name) => {
    const row = rows.find(
      ([figure, quantity, series, at]) =>
        figure === "counterfactual" && quantity === "ttft" && series === "captured" && at === name,
    );
    if (!row) throw new Error(`${csv} has no ${name}`);
    return Number(row[4]);
  };
}

/**
 * TTFT of the workload behind the curve: 111 sessions at 0.4/s, five turns each that follow one another at once, a prefix of
 * 10,010 tokens, 197 tokens a turn, 128 out; on an engine of 8,192 tokens and 1,024 sequences with its cache off.
 */
export function modeledTtftMs(model: LatencyModel): readonly number[] {
  const arrivals = readFileSync(fromRoot("test/reference/h200/arrivals.csv"), "utf8")
    .trim()
    .split("\n")
    .slice(1);
  const turns = [1, 2, 3, 4, 5].map((turn) => ({ turn, newTokens: 197, outputTokens: 128, thinkMs: 0 }));
  const sessions = arrivals.map((ms, index) => ({
    session: `s${index}`,
    arrivalMs: Number(ms),
    prefix: 0,
    turns,
  }));
  const engine = {
    maxNumBatchedTokens: 8_192,
    maxNumSeqs: 1_024,
    asyncScheduling: true,
    enablePrefixCaching: false,
  };
  const { trace } = simulateSessions({ sessions, prefixTokens: 10_010, model, engine });
  return trace.records.map(({ ttftMs = Number.NaN }) => ttftMs);
}

/** Modeled over captured, less one, at the quantiles of the curve that are compared. */
export function errorsAgainstCurve(model: LatencyModel, csv: string): Record<`p${number}`, number> {
  const captured = capturedTtftMs(csv);
  const modeled = modeledTtftMs(model);
  return Object.fromEntries(
    [10, 25, 50, 75, 90, 95, 99].map((p) => [
      `p${p}`,
      (quantile(modeled, p / 100) ?? Number.NaN) / captured(`p${p}`) - 1,
    ]),
  );
}
