import { cohortNames } from "../cohorts/index.js";
import type { Comparison } from "../judge/index.js";
import { formatTable, showError, showMs } from "./print-table.js";

/** The cohort cells of a comparison as a table; gates are marked with an asterisk. A what-if differs, it does not err. */
export function comparisonTable(comparison: Comparison, other = "modeled"): string {
  const rows = comparison.cells
    .filter((cell) => cohortNames.some((name) => name === cell.group))
    .map((cell) => [
      cell.group,
      `${quantityNames[cell.quantity]} p${100 * cell.quantile}${cell.gates ? " *" : ""}`,
      String(cell.n),
      showMs(cell.capturedMs),
      showMs(cell.modeledMs),
      showError(cell.error),
      cell.interval ? `${showError(cell.interval[0])} to ${showError(cell.interval[1])}` : "-",
    ]);
  return formatTable(["cohort", "quantity", "n", "captured", other, comparison.kind, "95 % interval"], rows);
}

const quantityNames = { ttft: "TTFT", itl: "ITL", total: "total" } as const;

/** A comparison for people: the table, the hit canary and the verdict, or why there is none. */
export function formatComparison(
  comparison: Comparison,
  other = "modeled",
  whyNone = "the trace has too few latencies to gate on",
): string {
  const { cachedTokens, verdict } = comparison;
  const lines = comparison.cells.length > 0 ? [comparisonTable(comparison, other)] : [];
  for (const { cohort, ks, wassersteinMs } of comparison.curves)
    lines.push(
      `TTFT curves, ${cohort}: KS distance ${ks.toFixed(3)}, Wasserstein distance ${showMs(wassersteinMs)}`,
    );
  if (cachedTokens.exactFraction !== undefined)
    lines.push(
      `cached tokens: recorded ${cachedTokens.recordedTokens}, ${other} ${cachedTokens.predictedTokens}, exact on ${(100 * cachedTokens.exactFraction).toFixed(1)} % of ${cachedTokens.requests} requests`,
    );
  lines.push(
    verdict === "none"
      ? `verdict: none (${whyNone})`
      : `verdict: ${verdict} (gates marked *: relative error at most ${Number((100 * comparison.tolerance).toPrecision(3))} %)`,
  );
  return `${lines.join("\n")}\n`;
}
