import { summarizeCohort } from "../../cohorts/index.js";
import { isAnswered, type TraceRecord } from "../../trace/index.js";
import type { DriveResult } from "./drive-open-loop.js";
import type { LoopKind } from "./loadgen-meta.js";
import { SEND_LAG_LIMIT_MS, type SendLag } from "./send-lag.js";

const LONGEST_DETAIL = 160;

/** What a user should know of a run before trusting it, in words. */
export function loadgenWarnings(
  records: readonly TraceRecord[],
  end: {
    readonly loop: LoopKind;
    readonly sendLag: SendLag | undefined;
    readonly notSent: number;
    readonly stopped: boolean;
    readonly pauses?: DriveResult["pauses"];
  },
): string[] {
  const { loop, sendLag, notSent, stopped, pauses } = end;
  const warnings: string[] = [];
  if (stopped) warnings.push(`stopped: ${notSent} planned requests were not sent`);
  else if (notSent > 0)
    warnings.push(`${notSent} planned requests were not sent: an earlier turn of their session failed`);
  for (const [reason, { count, first }] of failuresByReason(records))
    warnings.push(`${count} of ${records.length} requests failed: ${reason} (the first: ${first})`);
  const { n, censored } = summarizeCohort(records);
  if (censored > 0)
    warnings.push(
      `TTFT quantiles are Kaplan-Meier's of ${n} requests, of which ${censored} had no first token when they were given up: those are counted as having waited that long at least (the complete alone are "survivors" in the JSON)`,
    );
  const whole = records.filter((r) => isAnswered(r) && r.ttftMs === undefined && r.outputTokens > 0).length;
  if (whole > 0)
    warnings.push(
      `${whole} of ${records.length} answers came as a whole, not as a stream: they have no TTFT`,
    );
  if (pauses)
    warnings.push(
      `concurrency was below the level asked for ${pauses.count} times, ${(pauses.ms / 1000).toFixed(1)} s of one worker in all: requests failed one after the other, and were sent less often`,
    );
  if (loop === "lagged" && sendLag)
    warnings.push(
      `not an open-loop run: requests went out late (p99 ${sendLag.p99Ms.toFixed(1)} ms, limit ${SEND_LAG_LIMIT_MS} ms): give the load generator a core of its own, and run it with node --initial-old-space-size=512 (fewer full garbage collections)`,
    );
  if (records.length > 0 && records.every(({ blockIds }) => blockIds === undefined))
    warnings.push(
      "nothing tells the token ids of prompts: they have no block hashes, and a replay knows no sharing",
    );
  return warnings;
}

/** Failed requests a reason, most frequent first, and what was said of the first of them. */
function failuresByReason(records: readonly TraceRecord[]) {
  const reasons = new Map<string, { count: number; readonly first: string }>();
  for (const { finishReason, extra } of records) {
    if (extra?.error === undefined || finishReason === undefined) continue;
    const reason = reasons.get(finishReason);
    if (reason) reason.count++;
    else reasons.set(finishReason, { count: 1, first: String(extra.error).slice(0, LONGEST_DETAIL) });
  }
  return [...reasons].sort((a, b) => b[1].count - a[1].count);
}
