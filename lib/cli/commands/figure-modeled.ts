import { basename } from "node:path";
import { InputError } from "../../base/index.js";
import { tellsTtft, ttftObservation } from "../../cohorts/index.js";
import { cacheEffect } from "../../judge/index.js";
import { offeredLoad, type Replay, replay } from "../../replay/index.js";
import { sessionsOf } from "../../sessions/index.js";
import { importTrace } from "../../trace/files/index.js";
import type { Trace } from "../../trace/index.js";
import type { AnswerFlags } from "../answer-flags.js";
import { type EngineFlags, engineFromFlags } from "../engine-flags.js";
import { type LatencyFlags, latencyFromFlags } from "../latency-source.js";
import { type PacingFlags, pacingFromFlags } from "../pacing-flags.js";
import { progressBar, readInput, reportProblems } from "../read-input.js";
import { headerLines } from "../replay-header.js";
import { reportSessions, type SessionFlags, sessionsFromFlags } from "../session-flags.js";
import { type TimeoutFlags, timeoutFromFlags } from "../timeout-flags.js";
import { traceOrigin } from "../trace-origin.js";
import { unservedLines } from "../unserved-lines.js";
import type { FigureData, FigureSeries } from "./figure-data.js";

/** The flags of a figure whose replays are made here. */
export interface FigureModeledFlags
  extends AnswerFlags,
    EngineFlags,
    LatencyFlags,
    PacingFlags,
    SessionFlags,
    TimeoutFlags {
  readonly format?: string;
}

/**
 * The cache-effect figure of any trace, from the trace and a latency model: its replays with the cache on and off, beside what it
 * tells of its own latencies. A trace without hashes has nothing to share: its cache is off.
 * @throws InputError for flags that do not go together, or a trace that cannot be read or replayed
 */
export async function modeledFigure(path: string, flags: FigureModeledFlags): Promise<FigureData> {
  const trace = await readAny(path, flags.format);
  const sessions = sessionsOf(trace, sessionsFromFlags(flags));
  reportSessions(path, sessions);
  const workload = { trace, sessions };
  const { enablePrefixCaching, ...engine } = engineFromFlags(flags);
  if (enablePrefixCaching !== undefined)
    throw new InputError(
      "figure: the cache is drawn on and off: leave --enable-prefix-caching and its contrary out",
    );
  const model = await latencyFromFlags(flags);
  const bar = progressBar("replaying");
  const options = {
    model,
    engine,
    ...pacingFromFlags(flags),
    ...timeoutFromFlags(flags),
    answerReuse: flags.answerReuse,
    onProgress: bar.update,
  };
  try {
    const { kind = "captured", cache } = traceOrigin(trace.meta);
    const capturedKey = `${kind}_${cache ?? "on"}`;
    if (trace.records.every(({ blockIds }) => blockIds === undefined)) {
      const off = replay(workload, { ...options, engine: { ...engine, enablePrefixCaching: false } });
      const modeled: FigureSeries = {
        key: "modeled_off",
        kind: "modeled",
        cache: "off",
        ...off,
        replay: off,
      };
      const captured: FigureSeries = { key: capturedKey, kind, cache, ...workload };
      const notes = notesOf(trace, [off]);
      return {
        series: tellsTtft(trace) ? [captured, modeled] : [modeled],
        ...notes,
        lines: [
          "the trace has no block hashes: what a cache would find is not known, and only the cache off is modeled",
          ...notes.lines,
        ],
      };
    }
    const effect = cacheEffect(workload, options);
    const replays = effect.series.flatMap((one) => (one.replay ? [one.replay] : []));
    const series = effect.series.map((one): FigureSeries => {
      if (one.kind === "modeled") return { ...one, key: `modeled_${one.cache}` };
      // What a replay wrote is not drawn in the colour of a measurement.
      const label = kind === "modeled" ? { label: `modeled (${basename(path)})` } : {};
      return { ...one, key: kind === "modeled" ? "source" : capturedKey, kind, cache, ...label };
    });
    return {
      series,
      compared: effect,
      ...notesOf(trace, replays),
    };
  } finally {
    bar.stop();
  }
}

/** A trace, or a file of another format. */
async function readAny(path: string, format: string | undefined): Promise<Trace> {
  if (format === undefined) return readInput(path);
  const trace = await importTrace(format, path, {});
  reportProblems(path, trace);
  return trace;
}

/** What the replays ran under and what is doubtful in them, and what of it belongs below the figure. */
function notesOf(trace: Trace, replays: readonly Replay[]) {
  const [first] = replays;
  const loads = replays.flatMap((one) => {
    const load = offeredLoad(trace, one);
    const cache = one.conditions.engine.settings.enablePrefixCaching ? "on" : "off";
    return load === undefined ? [] : [{ cache, load }];
  });
  const told = loads.map(
    ({ cache, load }) => `cache ${cache} ${load.toFixed(2)}${load > 1 ? " (saturated)" : ""}`,
  );
  const isOpen = first.conditions.pacing === "open-loop";
  const why = isOpen
    ? "saturated: queues grow with the length of the trace, and TTFT with them"
    : "saturated: clients wait for answers, so that the queue is as long as there are clients";
  const extrapolated = Math.max(...replays.map((one) => one.extrapolated));
  const partly = partlyMeasured(trace);
  const offered = told.length > 0 ? [`offered load over capacity: ${told.join(", ")}`] : [];
  const below = [...offered, ...(partly === undefined ? [] : [partly])];
  return {
    lines: [
      ...headerLines(first.conditions, first.plan.prompts),
      ...first.plan.assumptions.map((text) => `assumed: ${text}`),
      ...unservedOf(replays),
      ...(partly === undefined ? [] : [partly]),
      ...offered,
      ...(loads.some(({ load }) => load > 1) ? [why] : []),
      ...(extrapolated > 0
        ? [`extrapolated: ${(100 * extrapolated).toFixed(0)} % of requests are outside the model's fit range`]
        : []),
    ],
    offeredLoad: Object.fromEntries(loads.map(({ cache, load }) => [cache, load])),
    ...(below.length > 0 && { footnote: below.join("; ") }),
  };
}

function unservedOf(replays: readonly Replay[]): string[] {
  return replays.flatMap((one) => {
    const cache = one.conditions.engine.settings.enablePrefixCaching ? "on" : "off";
    return unservedLines(one, "cohorts").map((line) => `cache ${cache}, ${line}`);
  });
}

/** Of a capture that tells the wait of some requests alone, whose curve is not that of the others beside it. */
function partlyMeasured(trace: Trace): string | undefined {
  const measured = trace.records.filter((record) => ttftObservation(record) !== undefined).length;
  return tellsTtft(trace) && measured < trace.records.length
    ? `captured: the ${measured} of ${trace.records.length} requests whose TTFT was measured; modeled: all`
    : undefined;
}
