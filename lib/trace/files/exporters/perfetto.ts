import { InputError, type Ms } from "../../../base/index.js";
import { decodeMs, type Trace, type TraceRecord } from "../../trace.js";
import type { Exporter } from "./exporter.js";
import { LanePool } from "./lane-pool.js";
import { writeLines } from "./write-lines.js";

/**
 * Chrome trace events (JSON array format), for ui.perfetto.dev and chrome://tracing; times in microseconds.
 *
 * - Each request is a `prefill` span from arrival to first token (waiting included: a trace does not tell them apart) and
 *   a `decode` span to the last one, in the lowest lane that is free: as many lanes as requests were ever in flight. A
 *   request without a first token is one span named by how it ended. Arguments hold index, session, turn and tokens.
 * - Counters: requests in prefill and in decode.
 *
 * Needs arrivals; requests without any latency are marks of no length.
 */
export const perfetto: Exporter = {
  format: "perfetto",
  description:
    "Chrome trace events for ui.perfetto.dev: prefill and decode spans in lanes, requests in flight",
  async write(trace, path) {
    const without = trace.records.findIndex((record) => record.arrivalMs === undefined);
    if (without >= 0)
      throw new InputError(`perfetto: every request needs an arrival, request ${without} has none`);
    await writeLines(path, document(trace));
  },
};

interface Spans {
  readonly startMs: Ms;
  readonly firstTokenMs: Ms | undefined;
  readonly endMs: Ms;
}

function spansOf(record: TraceRecord): Spans {
  const startMs = record.arrivalMs as Ms;
  if (record.ttftMs === undefined)
    return { startMs, firstTokenMs: undefined, endMs: startMs + (record.elapsedMs ?? 0) };
  const firstTokenMs = startMs + record.ttftMs;
  const endMs = Math.max(firstTokenMs + (decodeMs(record) ?? 0), startMs + (record.elapsedMs ?? 0));
  return { startMs, firstTokenMs, endMs };
}

function* document(trace: Trace): Generator<string> {
  const spans = trace.records.map(spansOf);
  const lanes = new LanePool();
  yield '{"displayTimeUnit": "ms", "traceEvents": [';
  yield event(
    { ph: "M", pid: 1, name: "process_name", args: { name: trace.meta.source ?? "requests" } },
    true,
  );
  for (const [index, record] of trace.records.entries()) {
    const { startMs, firstTokenMs, endMs } = spans[index];
    const { lane, isNew } = lanes.take(startMs, endMs);
    if (isNew)
      yield event({ ph: "M", pid: 1, tid: lane, name: "thread_name", args: { name: `lane ${lane}` } });
    const args = {
      request: index,
      ...(record.session !== undefined && { session: record.session }),
      ...(record.turn !== undefined && { turn: record.turn }),
      prompt_tokens: record.promptTokens,
      ...(record.cachedTokens !== undefined && { cached_tokens: record.cachedTokens }),
      output_tokens: record.outputTokens,
    };
    const common = { pid: 1, tid: lane, cat: "request", args };
    if (firstTokenMs === undefined)
      yield event({ ph: "X", name: record.finishReason ?? "request", ...span(startMs, endMs), ...common });
    else {
      yield event({ ph: "X", name: "prefill", ...span(startMs, firstTokenMs), ...common });
      if (endMs > firstTokenMs)
        yield event({ ph: "X", name: "decode", ...span(firstTokenMs, endMs), ...common });
    }
  }
  yield* counters(spans);
  yield "]}";
}

function* counters(spans: readonly Spans[]): Generator<string> {
  const changes: { atMs: Ms; prefill: number; decode: number }[] = [];
  for (const { startMs, firstTokenMs, endMs } of spans) {
    const prefillEnd = firstTokenMs ?? endMs;
    changes.push({ atMs: startMs, prefill: 1, decode: 0 });
    changes.push({ atMs: prefillEnd, prefill: -1, decode: firstTokenMs === undefined ? 0 : 1 });
    if (firstTokenMs !== undefined) changes.push({ atMs: endMs, prefill: 0, decode: -1 });
  }
  changes.sort((a, b) => a.atMs - b.atMs);
  let prefill = 0;
  let decode = 0;
  for (const [i, change] of changes.entries()) {
    prefill += change.prefill;
    decode += change.decode;
    if (changes[i + 1]?.atMs === change.atMs) continue;
    yield event({ ph: "C", pid: 1, name: "in flight", ts: micros(change.atMs), args: { prefill, decode } });
  }
}

function span(fromMs: Ms, toMs: Ms): { ts: number; dur: number } {
  return { ts: micros(fromMs), dur: Math.max(0, micros(toMs) - micros(fromMs)) };
}

/** Whole microseconds: spans that touch in time then touch on the screen. */
function micros(atMs: Ms): number {
  return Math.round(atMs * 1000);
}

function event(fields: Readonly<Record<string, unknown>>, first = false): string {
  return `${first ? "" : ","}${JSON.stringify(fields)}`;
}
