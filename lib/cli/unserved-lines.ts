import { countOutcomes } from "../cohorts/index.js";
import type { Replay } from "../replay/index.js";

/**
 * The requests of a replay that had no first token, why, and what they do to the numbers beside the line; nothing where all had
 * one.
 * @param where beside what the line stands: "comparison", of what was seen on both sides, or "cohorts", whose TTFT quantiles are
 * Kaplan-Meier's
 */
export function unservedLines({ trace, run, conditions }: Replay, where: "comparison" | "cohorts"): string[] {
  const never = trace.records.filter(({ ttftMs }) => ttftMs === undefined).length;
  if (never === 0) return [];
  const { timedOutBeforeFirstToken: cut, neverSent } = countOutcomes(trace.records);
  const isLimited = conditions.requestTimeoutMs !== undefined;
  const why = [
    ...(isLimited && cut > 0 ? [`${cut} were cut by the time limit before their first token`] : []),
    ...(isLimited && neverSent > 0
      ? [`${neverSent} were never sent, as what they follow was not answered`]
      : []),
    ...(run.refused.length > 0
      ? [
          `${run.refused.length} need more blocks than the pool has and were refused (raise --kv-cache-size), and turns that follow them were never sent`,
        ]
      : []),
  ];
  const waited = never - run.refused.length - neverSent;
  const effect =
    where === "comparison"
      ? "which are in no quantile of the comparison"
      : waited === 0
        ? "which are in no modeled quantile"
        : `of which TTFT quantiles count ${waited} as waiting for as long as is known (Kaplan-Meier; - where the curve does not get there), and no other quantile any`;
  return [
    `unserved: ${never} of ${trace.records.length} requests, ${effect}${why.length > 0 ? `: ${why.join("; ")}` : ""}`,
  ];
}
