import type { StatisticCell } from "../calibrate/index.js";
import { type CohortSummary, cohortNames, summarizeCohorts } from "../cohorts/index.js";
import type { Comparison } from "../judge/index.js";
import { hitFraction, offeredLoad, type Replay } from "../replay/index.js";
import type { SessionLabels } from "../sessions/index.js";
import { formatComparison } from "./comparison-table.js";
import { fleetLines } from "./fleet-report.js";
import { outcomeTable } from "./outcome-table.js";
import { formatTable, showError, showMs, showPercent } from "./print-table.js";
import { headerLines } from "./replay-header.js";
import { unservedLines } from "./unserved-lines.js";

const whatIf =
  "a what-if beside the capture it was made from: the differences are its effect; --against TRACE judges it";

/** What a replay prints for people: what was replayed, what is doubtful in it, and the comparison or the model alone. */
export function replayReport(options: {
  /** One a seed. */
  readonly replays: readonly Replay[];
  readonly sessions: SessionLabels;
  readonly comparison: Comparison;
  /** TTFT and TPOT of the rows that are compared. */
  readonly statistics: readonly StatisticCell[];
  /** Rows that were only replayed. */
  readonly judgeAfter: number;
}): string {
  const { replays, sessions, comparison, statistics, judgeAfter } = options;
  const first = replays[0];
  const requests = first.trace.records.length;
  const lines = [
    `${requests} requests, ${sessionsInWords(sessions)}; seed ${first.seed}${replays.length > 1 ? ` and ${replays.length - 1} more` : ""}`,
    ...headerLines(first.conditions, first.plan.prompts),
    `${(first.virtualMs / 1000).toFixed(1)} s of virtual time in ${showMs(first.wallMs)}; engine busy ${(100 * (first.run.busyMs / first.conditions.engines / first.virtualMs)).toFixed(0)} %; ${first.run.preemptions} preemptions`,
    ...first.plan.assumptions.map((a) => `assumed: ${a}`),
    ...unservedLines(first, comparison.cells.length === 0 ? "cohorts" : "comparison"),
    ...tierUseLines(first),
  ];
  if (first.extrapolated > 0)
    lines.push(
      `extrapolated: ${(100 * first.extrapolated).toFixed(0)} % of requests are outside the model's fit range`,
    );
  lines.push(...fleetLines(first));
  const { requestTimeoutMs } = first.conditions;
  if (requestTimeoutMs !== undefined)
    lines.push("", outcomeTable({ trace: first.trace, sessions }, requestTimeoutMs).trimEnd());
  // A trace without latencies has nothing to stand beside the model's.
  if (comparison.cells.length === 0) lines.push("", modeledTable(first, sessions), hits(first));
  lines.push(...overloadLines(first));
  if (judgeAfter > 0) lines.push(`compared: the ${requests - judgeAfter} rows after the first ${judgeAfter}`);
  if (statistics.length > 0) lines.push("", statisticsTable(statistics, comparison.kind).trimEnd());
  const why = comparison.kind === "difference" ? whatIf : undefined;
  return [...lines, "", formatComparison(comparison, "modeled", why)].join("\n");
}

/** A session may begin with several requests that wait for no other, and a sub-agent's may wait for its parent's. */
function sessionsInWords({ session, parent }: SessionLabels): string {
  const count = new Set(session).size;
  const roots = parent.filter((p) => p < 0).length;
  return `${count} sessions${roots === count ? "" : ` (${roots} requests follow no other)`}`;
}

/** Where cached tokens came from, and whether loading them was worth it. */
function tierUseLines({ tierUse, conditions }: Replay): string[] {
  if (!tierUse) return [];
  const { poolTokens, lowerTokens, loads, loadedTokens, meanLoadMs, transferMs, computingMs } = tierUse;
  const parts = [
    `${poolTokens} tokens in the pool`,
    ...conditions.tiers.map(({ name }) => `${lowerTokens[name]} from ${name}`),
  ];
  const lines = [`found: ${parts.join(", ")}`];
  if (loads > 0)
    lines.push(
      `loads: ${loads} of ${loadedTokens} tokens, ${showMs(meanLoadMs)} each with the wait for the link; alone they take ${showMs(transferMs)}, and computing the same tokens alone ${showMs(computingMs)}`,
      `computing would have been faster than loading for ${tierUse.computingIsFaster} of ${loads} loads, each alone; a load takes no time of the engine's steps`,
    );
  return lines;
}

function statisticsTable(statistics: readonly StatisticCell[], kind: Comparison["kind"]): string {
  return formatTable(
    ["quantity", "statistic", "captured", "modeled", kind],
    statistics.map(({ quantity, statistic, capturedMs, modeledMs, error }) => [
      quantity.toUpperCase(),
      statistic,
      showMs(capturedMs),
      showMs(modeledMs),
      showError(error),
    ]),
  );
}

/** Busy time over the time in which requests were sent, above which the engine is said to be overloaded. */
const overloadedFrom = 1.2;

/**
 * How many times the engine's work exceeds the time in which it was asked for, of an open loop; undefined where it keeps up,
 * where clients wait for answers, or where all was sent at one time.
 */
export function overloadOf(replay: Replay): number | undefined {
  if (replay.conditions.pacing !== "open-loop") return undefined;
  const load = offeredLoad(replay.trace, replay);
  return load !== undefined && load > overloadedFrom ? load : undefined;
}

function overloadLines(replay: Replay): string[] {
  const load = overloadOf(replay);
  return load === undefined
    ? []
    : [
        `overloaded: the requests sent are ${load.toFixed(1)} times what the engine can do in that time; queues grow with the length of the trace, and TTFT quantiles with them`,
      ];
}

function modeledTable({ trace }: Replay, sessions: SessionLabels): string {
  const summaries = summarizeCohorts({ trace, sessions });
  const row = (cohort: string, { n, ttftMs, itlMs, totalMs }: CohortSummary) => [
    cohort,
    String(n),
    ...[ttftMs, itlMs, totalMs].flatMap((q) => [showMs(q.p50), showMs(q.p99)]),
  ];
  return formatTable(
    ["modeled", "n", "TTFT p50", "TTFT p99", "ITL p50", "ITL p99", "total p50", "total p99"],
    cohortNames.map((name) => row(name, summaries[name])),
  );
}

function hits({ run }: Replay): string {
  return `prefix hits: ${run.prefixHitTokens} of ${run.prefixQueryTokens} prompt tokens (${showPercent(hitFraction(run))})`;
}
