import type { JsonObject, Ms } from "../../../base/index.js";
import { type AgentCall, addAgentCalls } from "./agent-calls.js";
import { dateOf } from "./call-times.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { logFiles } from "./log-files.js";
import { looseObject } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Session logs of Codex (~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl): a file, or a folder of them. Records
 * `{timestamp, type, payload}`:
 *
 * - `token_count` events: `info.last_token_usage` is the call that is done: `input_tokens` include `cached_input_tokens`,
 *   `output_tokens` include reasoning. An event whose `total_token_usage` is that of the one before is an echo, and is passed
 *   over, as is one without `info`.
 * - A user's message or a tool's output is when the next call was sent, as far as is known.
 * - `session_meta`: the session. A sub-agent's file names its parent (`source.subagent.thread_spawn.parent_thread_id`) and
 *   repeats the parent's history before its own turns: calls of turns that are older than the sub-agent (both are UUIDs of
 *   version 7, which sort by time) are left out and counted.
 *
 * No text, path or branch is kept. See `agent-calls.ts` for what follows from the counts.
 */
export const codex: Importer = {
  format: "codex",
  description: "Codex session logs (a file or a folder): calls, cached tokens, sub-agents; no text is kept",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options, blockSize);
    const calls: AgentCall[] = [];
    let model: string | undefined;
    for (const file of await logFiles(path)) {
      const reader = new CodexReader((line) =>
        builder.count("call of a parent's history that a sub-agent's file repeats, left out", line),
      );
      await readJsonRows(file, builder, options, (row, line) => reader.add(row, line));
      calls.push(...reader.calls);
      model ??= reader.model;
    }
    addAgentCalls(builder, calls, blockSize);
    return builder.finish({ source: "codex", blockSize, ...(model !== undefined && { model }), extra: {} });
  },
};

class CodexReader {
  model: string | undefined;
  readonly calls: AgentCall[] = [];
  readonly #onRepeated: (line: number) => void;
  #session = "session";
  #parent: string | undefined;
  #hasMeta = false;
  #turn = "";
  #lastTotal = "";
  /** Of the latest input, and of one that came while the answer to it was still written. */
  #inputMs: Ms | undefined;
  #nextInputMs: Ms | undefined;
  #endMs: Ms | undefined;
  #hasOutput = false;
  #line = 0;

  constructor(onRepeated: (line: number) => void) {
    this.#onRepeated = onRepeated;
  }

  add(row: JsonObject, line: number): void {
    const payload = looseObject(row, "payload");
    const kind = row.type;
    if (kind === "session_meta") this.#meta(payload);
    else if (kind === "turn_context" || payload.type === "task_started") {
      if (typeof payload.turn_id === "string") this.#turn = payload.turn_id;
      if (typeof payload.model === "string") this.model ??= payload.model;
    } else if (payload.type === "token_count") this.#count(payload, line, dateOf(row, "timestamp"));
    else if (kind === "response_item") this.#item(payload, line, dateOf(row, "timestamp"));
  }

  #meta(payload: JsonObject): void {
    if (this.#hasMeta) return;
    this.#hasMeta = true;
    if (typeof payload.id === "string") this.#session = payload.id;
    const spawn = looseObject(looseObject(looseObject(payload, "source"), "subagent"), "thread_spawn");
    if (typeof spawn.parent_thread_id === "string") this.#parent = spawn.parent_thread_id;
  }

  #item(payload: JsonObject, line: number, atMs: Ms | undefined): void {
    if (atMs === undefined) return;
    const isInput =
      payload.type === "message" ? payload.role !== "assistant" : /_output$/.test(String(payload.type));
    if (isInput && this.#hasOutput) this.#nextInputMs = atMs;
    else if (isInput) this.#inputMs = atMs;
    else {
      if (!this.#hasOutput) this.#line = line;
      this.#hasOutput = true;
      this.#endMs = atMs;
    }
  }

  #count(payload: JsonObject, line: number, atMs: Ms | undefined): void {
    const info = looseObject(payload, "info");
    const last = looseObject(info, "last_token_usage");
    const total = JSON.stringify(info.total_token_usage);
    if (info.last_token_usage === undefined || total === this.#lastTotal) return;
    this.#lastTotal = total;
    const number = (field: string) => (typeof last[field] === "number" ? (last[field] as number) : 0);
    const isRepeated = this.#parent !== undefined && this.#turn < this.#session;
    if (isRepeated) this.#onRepeated(line);
    else
      this.calls.push({
        line: this.#line || line,
        requestId: `${this.#session}/${this.calls.length + 1}`,
        session: this.#parent ?? this.#session,
        ...(this.#parent !== undefined && { agent: this.#session }),
        inputMs: this.#inputMs ?? this.#endMs ?? atMs,
        endMs: this.#endMs ?? atMs,
        promptTokens: number("input_tokens"),
        cachedTokens: typeof last.cached_input_tokens === "number" ? last.cached_input_tokens : undefined,
        outputTokens: number("output_tokens"),
        extra: { reasoning_tokens: number("reasoning_output_tokens") },
      });
    this.#inputMs = this.#nextInputMs;
    this.#nextInputMs = undefined;
    this.#endMs = undefined;
    this.#hasOutput = false;
    this.#line = 0;
  }
}
