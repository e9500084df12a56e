import { type Ms, mean, quantile } from "../base/index.js";
import { fitLatency, type LatencyKind } from "../fit/index.js";
import type { LatencyModel } from "../latency/index.js";
import { type Replay, recomputedPrefills, replay } from "../replay/index.js";
import { inferSessions } from "../sessions/index.js";
import { meanGapMs, type Trace, type TraceRecord } from "../trace/index.js";

/** One statistic of the judged half: TTFT, or TPOT (mean gap of a request, the first token's wait left out). */
export interface HalfCell {
  readonly quantity: "ttft" | "tpot";
  readonly statistic: "mean" | "p50" | "p90" | "p99";
  readonly capturedMs: Ms;
  readonly modeledMs: Ms;
  /** modeled / captured - 1 */
  readonly error: number;
}

/** A capture judged on the part that its model was not fitted on. */
export interface HalfJudged {
  readonly cells: readonly HalfCell[];
  readonly replay: Replay;
  readonly fittedRequests: number;
  readonly judgedRequests: number;
}

/**
 * Fits a model on the first requests of a capture, replays all of them open loop, and judges on the rest. The rest's
 * prompts and times are there while fitting only as what else was in the engine; none of their latencies is a target.
 * Where KV blocks were scarce, prefills that preempted requests had to repeat are taken from a replay between rounds.
 * @throws InputError when the first requests are too few to fit on
 */
export function judgeSecondHalf(
  trace: Trace,
  options: { readonly fitted: number; readonly kind?: LatencyKind; readonly seed?: number },
): HalfJudged {
  const { fitted, kind = "physical", seed = 1 } = options;
  const sessions = inferSessions(trace);
  const run = (model: LatencyModel): Replay =>
    replay({ trace, sessions }, { model, pacing: "open-loop", seed, keepLoads: true });
  const { model } = fitLatency([trace], {
    kind,
    isFitted: (_, index) => index < fitted,
    hiddenPrefills: (soFar) => recomputedPrefills(run(soFar)),
  });
  const result = run(model);
  const judged = trace.records.slice(fitted);
  const modeled = result.trace.records.slice(fitted);
  const cells = [
    ...compareStatistics("ttft", judged, modeled, (r) => r.ttftMs),
    ...compareStatistics("tpot", judged, modeled, meanGapMs),
  ];
  return { cells, replay: result, fittedRequests: fitted, judgedRequests: judged.length };
}

function compareStatistics(
  quantity: HalfCell["quantity"],
  captured: readonly TraceRecord[],
  modeled: readonly TraceRecord[],
  quantityMs: (record: TraceRecord) => Ms | undefined,
): HalfCell[] {
  const [a, b] = [captured, modeled].map((records) => records.flatMap((r) => quantityMs(r) ?? []));
  const statistics = [
    ["mean", mean],
    ["p50", (values: number[]) => quantile(values, 0.5)],
    ["p90", (values: number[]) => quantile(values, 0.9)],
    ["p99", (values: number[]) => quantile(values, 0.99)],
  ] as const;
  return statistics.flatMap(([statistic, of]) => {
    const [capturedMs, modeledMs] = [of(a), of(b)];
    if (capturedMs === undefined || modeledMs === undefined) return [];
    return [{ quantity, statistic, capturedMs, modeledMs, error: modeledMs / capturedMs - 1 }];
  });
}
