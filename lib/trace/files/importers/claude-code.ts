import { isJsonObject, type JsonObject, type Ms } from "../../../base/index.js";
import { type AgentCall, addAgentCalls } from "./agent-calls.js";
import { dateOf } from "./call-times.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { logFiles } from "./log-files.js";
import { looseObject } from "./row-fields.js";
import { usageCounts } from "./text-prompt.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Session logs of Claude Code (~/.claude/projects/PROJECT/SESSION.jsonl): a file, or a folder of them. One record a line:
 *
 * - `assistant` records: one call of the model is one `message.id`, spread over several records (thinking, text, each tool),
 *   each of which repeats `message.usage`. Calls are counted, not records; of the records of a call, the one with most output
 *   tokens holds its counts (early ones may be unfinished, late ones zero). `input_tokens`, `cache_creation_input_tokens` and
 *   `cache_read_input_tokens` share nothing: the prompt is their sum, the last one came from the cache.
 * - `user` records: a human's message, or results of tools: the latest one before a call is when it was sent, as far as is
 *   known.
 * - `isSidechain`: records of a sub-agent, `agentId`, or else the record at the root of its `parentUuid`s.
 * - All other records are passed over. No text, path or branch is kept.
 *
 * See `agent-calls.ts` for what follows from the counts.
 */
export const claudeCode: Importer = {
  format: "claude-code",
  description:
    "Claude Code session logs (a file or a folder): calls, cached tokens, sub-agents; no text is kept",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options, blockSize);
    const reader = new ClaudeReader();
    for (const file of await logFiles(path))
      await readJsonRows(file, builder, options, (row, line) => reader.add(row, line));
    addAgentCalls(builder, reader.calls(), blockSize);
    return builder.finish({
      source: "claude-code",
      blockSize,
      ...(reader.model !== undefined && { model: reader.model }),
      extra: {},
    });
  },
};

/** What is known of a call while its records are read. */
interface OpenCall {
  readonly line: number;
  readonly session: string;
  readonly agent: string | undefined;
  readonly inputMs: Ms | undefined;
  endMs: Ms | undefined;
  usage: JsonObject;
  stopReason: unknown;
}

class ClaudeReader {
  model: string | undefined;
  readonly #calls = new Map<string, OpenCall>();
  readonly #latestInputMs = new Map<string, Ms>();
  readonly #rootOf = new Map<string, string>();

  add(row: JsonObject, line: number): void {
    const { uuid, parentUuid, type } = row;
    if (typeof uuid === "string") {
      const parent = typeof parentUuid === "string" ? this.#rootOf.get(parentUuid) : undefined;
      this.#rootOf.set(uuid, parent ?? uuid);
    }
    const message = looseObject(row, "message");
    if ((type !== "user" && type !== "assistant") || !isJsonObject(row.message)) return;
    const session = typeof row.sessionId === "string" ? row.sessionId : "session";
    const agent = row.isSidechain === true ? this.#agentOf(row) : undefined;
    const line0 = `${agent ?? ""}/${session}`;
    const atMs = dateOf(row, "timestamp");
    if (type === "user") {
      if (atMs !== undefined)
        this.#latestInputMs.set(line0, Math.max(atMs, this.#latestInputMs.get(line0) ?? 0));
      return;
    }
    if (typeof message.id !== "string" || message.model === "<synthetic>") return;
    if (typeof message.model === "string") this.model ??= message.model;
    const id = agent === undefined ? message.id : `${agent}/${message.id}`;
    const open = this.#calls.get(id) ?? {
      line,
      session,
      agent,
      inputMs: this.#latestInputMs.get(line0) ?? atMs,
      endMs: atMs,
      usage: {},
      stopReason: undefined,
    };
    this.#calls.set(id, open);
    if (atMs !== undefined) open.endMs = Math.max(atMs, open.endMs ?? atMs);
    const usage = looseObject(message, "usage");
    const isFuller = Number(usage.output_tokens ?? -1) > Number(open.usage.output_tokens ?? -1);
    if (isFuller || Object.keys(open.usage).length === 0) open.usage = usage;
    open.stopReason = message.stop_reason ?? open.stopReason;
  }

  calls(): AgentCall[] {
    return [...this.#calls].map(([requestId, call]) => {
      const usage = usageCounts(call.usage);
      const written = call.usage.cache_creation_input_tokens;
      return {
        line: call.line,
        requestId,
        session: call.session,
        ...(call.agent !== undefined && { agent: call.agent }),
        inputMs: call.inputMs,
        endMs: call.endMs,
        promptTokens: usage.promptTokens ?? 0,
        cachedTokens: usage.cachedTokens,
        outputTokens: usage.outputTokens ?? 0,
        ...(typeof call.stopReason === "string" && { finishReason: call.stopReason }),
        ...(typeof written === "number" && { extra: { cache_write_tokens: written } }),
      };
    });
  }

  #agentOf({ agentId, uuid }: JsonObject): string {
    if (typeof agentId === "string") return agentId;
    return (typeof uuid === "string" ? this.#rootOf.get(uuid) : undefined) ?? "sidechain";
  }
}
