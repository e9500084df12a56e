import { isJsonObject, type JsonObject, type Ms } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { type AgentCall, addAgentCalls } from "./agent-calls.js";
import { dateOf } from "./call-times.js";
import { ChainTable } from "./chain-table.js";
import { ContextChain } from "./context-chain.js";
import { cellText, cellTime, neededCount, readCsvRows } from "./csv-rows.js";
import type { Importer, ImportOptions } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { count, optionalText } from "./row-fields.js";
import { SessionClock } from "./session-clock.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * TraceLab (uw-syfi/TraceLab), two files:
 *
 * - `round_trace.jsonl`: one call of a coding agent a line: `input_tokens_total`, of which `prefix_tokens` came from the
 *   provider's cache (no common prefix with the turn before), `output_tokens`, `timing_events[]`. See `agent-calls.ts`.
 * - CSV of its replay tool: `session_id` (or `id`), `arrival_time` (ms, of the session, the same on all its rows), `round_idx`,
 *   `prefix_len` (tokens that are kept of all before), `input_len` (new ones), `output_len`, `tool_wait_after_ms` (from the
 *   answer to the next round). The prompt is prefix + input. Prompts share what their rows say: the first `prefix_len` tokens of
 *   what was before, answers included; sessions share nothing.
 */
export const tracelab: Importer = {
  format: "tracelab",
  description:
    "TraceLab: rounds of coding agents (JSON lines), or workloads of sessions (CSV) with kept prefixes",
  read: (path, options) =>
    /\.csv(\.gz)?$/.test(path) ? readWorkload(path, options) : readRounds(path, options),
};

async function readRounds(path: string, options: ImportOptions) {
  const blockSize = options.blockSize ?? 16;
  const builder = new TraceBuilder(path, options, blockSize);
  const calls: AgentCall[] = [];
  await readJsonRows(path, builder, options, (row, line) =>
    builder.row(line, () => {
      calls.push(roundOf(row, line));
      return undefined;
    }),
  );
  addAgentCalls(builder, calls, blockSize);
  return builder.finish({ source: "tracelab", blockSize, extra: {} });
}

function roundOf(row: JsonObject, line: number): AgentCall {
  const session = optionalText(row, "session_id") ?? "session";
  const round = count(row, "round_index");
  const events = (Array.isArray(row.timing_events) ? (row.timing_events as unknown[]) : []).filter(
    isJsonObject,
  );
  const isInput = ({ event_type: type }: JsonObject) => type === "user_message" || type === "tool_result";
  const times = (some: readonly JsonObject[]): Ms[] =>
    some.flatMap((event) => dateOf(event, "timestamp") ?? []);
  const outputs = times(events.filter((event) => !isInput(event) && event.event_type !== "usage_report"));
  const firstOutput = outputs.length > 0 ? Math.min(...outputs) : Number.POSITIVE_INFINITY;
  const inputs = times(events.filter(isInput)).filter((ms) => ms <= firstOutput);
  const model = optionalText(row, "model");
  return {
    line,
    requestId: `${session}/${round + 1}`,
    session,
    inputMs: inputs.length > 0 ? Math.max(...inputs) : outputs[0],
    endMs: outputs.length > 0 ? Math.max(...outputs) : undefined,
    promptTokens: count(row, "input_tokens_total"),
    cachedTokens: count(row, "prefix_tokens"),
    outputTokens: count(row, "output_tokens"),
    ...(model !== undefined && { extra: { model } }),
  };
}

async function readWorkload(path: string, options: ImportOptions) {
  const blockSize = options.blockSize ?? 16;
  const builder = new TraceBuilder(path, options, blockSize, {
    field: "arrival_time",
    unit: "ms",
    anyDistance: true,
  });
  const chains = new ChainTable(builder.blocks);
  const contexts = new Map<string, { context: ContextChain; waitMs: Ms | undefined; rounds: number }>();
  const clock = new SessionClock();
  await readCsvRows(path, builder, options, ["prefix_len", "input_len", "output_len"], (row, line) => {
    builder.startStream();
    builder.row(line, () => {
      const session = cellText(row, "session_id") ?? cellText(row, "id");
      if (session === undefined) throw new RowError("session_id is missing");
      const state = contexts.get(session) ?? {
        context: new ContextChain(chains, blockSize),
        waitMs: undefined,
        rounds: 0,
      };
      contexts.set(session, state);
      const { context } = state;
      const prefix = neededCount(row, "prefix_len");
      const promptTokens = prefix + neededCount(row, "input_len");
      const outputTokens = neededCount(row, "output_len");
      if (prefix > context.tokens) {
        if (state.rounds > 0)
          builder.count("prefix_len longer than all before: the rest is shared with nothing", line);
        context.append(`before ${session}/${state.rounds + 1}`, prefix - context.tokens);
      }
      context.truncate(prefix);
      state.rounds++;
      context.append(`input ${session}/${state.rounds}`, promptTokens - prefix);
      const blockIds = context.blockIds();
      context.append(`answer ${session}/${state.rounds}`, outputTokens);
      const startMs = cellTime(row, "arrival_time");
      const place = clock.next(session, state.rounds === 1 ? startMs : undefined, state.waitMs);
      state.waitMs = cellTime(row, "tool_wait_after_ms");
      return {
        promptTokens,
        outputTokens,
        blockIds,
        outputBlockIds: context.blockIds().slice(blockIds.length),
        ...place,
      };
    });
  });
  clock.warn(builder);
  return builder.finish({ source: "tracelab", blockSize, extra: {} });
}
