import { InputError } from "../base/index.js";
import type { CohortName, TraceInspection } from "../cohorts/index.js";
import { type SurvivalSketch, survivalSketch } from "../survival/index.js";
import { mergeFacts } from "../trace/files/index.js";
import type { JsonValue, TraceMeta } from "../trace/index.js";
import { MergedSessionTotals } from "./session-totals.js";
import type { TracePart } from "./trace-part.js";
import { TraceTotals } from "./trace-totals.js";

/** What one pass over a trace of any length tells. */
export interface TraceFileSummary {
  /**
   * The same document as `inspectTrace` gives. Medians are within 0.1 %, distinct blocks and the share of
   * blocks that were in an earlier prompt within about 1 % of all blocks; everything else is exact.
   */
  readonly inspection: TraceInspection;
  /** TTFT of each turn cohort: `curve()` is its Kaplan-Meier curve, times within 0.1 %. Requests without a first token are censored. */
  readonly ttft: Readonly<Record<CohortName, SurvivalSketch>>;
}

/**
 * What the whole trace tells, from all its parts in order.
 * @throws InputError when a part begins with other records, or in another order, than the one before it ended with: rows come later
 * than a quarter of a window behind their place; or when no part holds a usable record
 */
export function mergeParts(path: string, meta: TraceMeta, parts: readonly TracePart[]): TraceFileSummary {
  requireOneOrder(path, parts);
  const facts = mergeFacts(
    path,
    parts.map((part) => part.facts),
  );
  const totals = new TraceTotals();
  const sessions = new MergedSessionTotals();
  for (const part of parts) {
    totals.merge(part.totals);
    if (part.order) sessions.add(part.sessions);
  }
  const { turn1, turns2plus } = sessions;
  const all = survivalSketch();
  all.merge(turn1);
  all.merge(turns2plus);
  const { extra, ...known } = meta;
  return {
    inspection: {
      ...totals.inspection(meta.blockSize ?? 16),
      rejected: facts.rejectedCount,
      warnings: facts.warnings.length,
      meta: { ...(known as Readonly<Record<string, JsonValue>>), ...extra },
      sessions: sessions.counts(),
      problems: [...facts.rejected, ...facts.warnings].slice(0, 20),
    },
    ttft: { all, turn1, turns2plus },
  };
}

function requireOneOrder(path: string, parts: readonly TracePart[]): void {
  let order: number | undefined;
  let latestMs: number | undefined;
  for (const [k, { order: own, facts }] of parts.entries()) {
    if (!own) continue;
    const isBehind = k > 0 && order !== undefined;
    if (isBehind && (own.before !== order || facts.checks.latestBeforeMs !== latestMs))
      throw new InputError(
        `${path}: rows of parts ${k} and ${k + 1} of ${parts.length} come in another order than they arrived, further apart than a quarter of a window: ` +
          "sort the trace by arrival, or summarize it in one pass",
      );
    order = own.after;
    latestMs = facts.checks.latestMs;
  }
}
